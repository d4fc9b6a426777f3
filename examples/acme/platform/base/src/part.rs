//! The parts of a process and their life cycle.

use tokio_util::sync::CancellationToken;

use crate::StartError;

/// A part of a process: a database, the keys, a listener, an exporter, or one of the team's own.
///
/// All parts are [started](Part::start) in the order in which they were added. Then each one [runs](Part::run) in its
/// own task. `/readyz` asks each part whether it [is ready](Part::ready). At the end the parts are stopped phase by
/// phase, in the order of [`Phase`]. A phase begins when all parts of the phase before have ended.
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
    /// The name in logs and on `/readyz`, such as `database of core`.
    fn name(&self) -> String;

    /// The phase in which the part is stopped.
    fn phase(&self) -> Phase {
        Phase::Work
    }

    /// Does the work that must be done before the process serves requests.
    ///
    /// # Errors
    /// When the part cannot start and waiting would not help. The error ends the process.
    async fn start(&self) -> Result<(), StartError> {
        Ok(())
    }

    /// Whether the part can do its work now. A process is ready when all its parts are.
    ///
    /// # Errors
    /// The problem in words for `/readyz`, without cause, address or secret.
    async fn ready(&self) -> Result<(), String> {
        Ok(())
    }

    /// Works until `stop` is signalled, then ends in an orderly way.
    async fn run(&self, stop: Stop) {
        stop.closing.cancelled().await;
    }

    /// Sets gauges that are cheaper to read than to track. Called before each scrape of `/metrics`.
    fn measure(&self) {}
}

/// The order in which the parts of a process are stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    /// Announces the address of this process. It stops first, so that clients go elsewhere in time.
    Announcement,
    /// Accepts requests. It ends when all received requests are answered.
    Listener,
    /// Works in the background.
    Work,
    /// Stores data.
    Storage,
    /// Reports logs, traces and metrics. It stops last, to report the end of the other parts.
    Telemetry,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 5] = [
        Self::Announcement,
        Self::Listener,
        Self::Work,
        Self::Storage,
        Self::Telemetry,
    ];
}

/// Tells a part to stop.
#[derive(Clone, Debug, Default)]
pub struct Stop {
    /// The process will stop soon but still serves. Clients should send their next request elsewhere.
    pub draining: CancellationToken,
    /// The phase of the part has begun: begin nothing new, finish the rest.
    pub closing: CancellationToken,
}
