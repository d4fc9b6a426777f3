//! What a process is made of, and its life.

use tokio_util::sync::CancellationToken;

use crate::StartError;

/// A part of a process: a database, the keys, a listener, an exporter, a part of a team's own.
///
/// All parts are [started](Part::start) in the order in which they were added. Then each [runs](Part::run) in a task of
/// its own. `/readyz` asks each whether it [is ready](Part::ready). At the end they are stopped phase by phase, in the
/// order of [`Phase`]; a phase begins when the parts of the phase before have ended.
///
/// ```ignore
/// #[platform::async_trait]
/// impl Part for Mailer {
///     fn name(&self) -> String {
///         "mailer".to_owned()
///     }
///
///     async fn run(&self, stop: Stop) {
///         stop.closing.run_until_cancelled(self.send_for_ever()).await;
///     }
/// }
/// ```
#[async_trait::async_trait]
pub trait Part: Send + Sync + 'static {
    /// What logs and `/readyz` call it, such as `database of core`.
    fn name(&self) -> String;

    /// When it is stopped.
    fn phase(&self) -> Phase {
        Phase::Work
    }

    /// Does what must be done before anything is served.
    ///
    /// # Errors
    /// What waiting cannot mend; it ends the process.
    async fn start(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// Whether it can do its work now. A process is ready when all its parts are.
    ///
    /// # Errors
    /// What is missing, in words for `/readyz`: no cause, no address, no secret.
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    /// Works until `stop` says that the time has come, then ends in an orderly way.
    async fn run(&self, stop: Stop) {
        stop.closing.cancelled().await;
    }

    /// Sets the gauges that are cheaper to read than to follow; asked before each scrape of `/metrics`.
    fn measure(&self) {}
}

/// The order in which the parts of a process are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// What tells others where this process is: they must learn first that it goes.
    Announcement,
    /// What takes requests. It ends when those received are answered.
    Listener,
    /// What works in the background.
    Work,
    /// What stores.
    Storage,
    /// What tells others what happened: it must see the end of everything else.
    Telemetry,
}

impl Phase {
    /// All phases, in their order.
    pub const ALL: [Self; 5] = [
        Self::Announcement,
        Self::Listener,
        Self::Work,
        Self::Storage,
        Self::Telemetry,
    ];
}

/// Tells a part that the process stops.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// The process is about to stop, and still serves: clients should go elsewhere for their next request.
    pub draining: CancellationToken,
    /// The part's phase has come: nothing new is begun, what was begun is finished.
    pub closing: CancellationToken,
}
