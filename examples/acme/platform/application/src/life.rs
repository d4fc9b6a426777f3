//! The running parts of a process, and how they stop, phase by phase.

use std::{sync::Arc, time::Duration};

use platform_base::{Part, Phase, StartError, Stop};
use tokio::time::Instant;
use tokio_util::{sync::CancellationToken, task::TaskTracker};

/// Running parts.
pub(crate) struct Life {
    draining: CancellationToken,
    phases: Vec<RunningPhase>,
}

struct RunningPhase {
    parts: Vec<Arc<dyn Part>>,
    closing: CancellationToken,
    tasks: TaskTracker,
}

/// Starts the parts in order, before the process serves requests.
pub(crate) async fn start(parts: &[Arc<dyn Part>]) -> Result<(), StartError> {
    for part in parts {
        part.start().await?;
    }
    Ok(())
}

impl Life {
    /// Runs each part in its own task. `draining` is cancelled when the process is about to stop.
    pub fn run(parts: &[Arc<dyn Part>], draining: CancellationToken) -> Self {
        let phase = |phase| {
            let of_phase = parts.iter().filter(|part| part.phase() == phase);
            let running = RunningPhase {
                parts: of_phase.cloned().collect(),
                closing: CancellationToken::new(),
                tasks: TaskTracker::new(),
            };
            for part in &running.parts {
                let part = part.clone();
                let stop = Stop {
                    draining: draining.clone(),
                    closing: running.closing.clone(),
                };
                running.tasks.spawn(async move { part.run(stop).await });
            }
            running.tasks.close();
            running
        };
        Self {
            phases: Phase::ALL.into_iter().map(phase).collect(),
            draining,
        }
    }

    /// Stops within this time. Listeners stop only after `drain`, so that load balancers have time to notice.
    pub async fn stop(self, drain: Duration, within: Duration) {
        let ends = Instant::now() + within;
        let drained = (Instant::now() + drain).min(ends);
        self.draining.cancel();
        for (phase, running) in Phase::ALL.into_iter().zip(self.phases) {
            if phase == Phase::Listener {
                tokio::time::sleep_until(drained).await;
            }
            running.closing.cancel();
            let ended = tokio::time::timeout_at(ends, running.tasks.wait()).await;
            if ended.is_err() {
                let parts: Vec<_> = running.parts.iter().map(|part| part.name()).collect();
                tracing::warn!(
                    parts = parts.join(", "),
                    "stopped before everything was finished"
                );
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Mutex, PoisonError};

    use platform_base::async_trait;

    use super::*;

    type Diary = Arc<Mutex<Vec<String>>>;

    /// Records when it ends. If it hangs, it never ends.
    struct Writer {
        name: &'static str,
        phase: Phase,
        hangs: bool,
        diary: Diary,
    }

    #[async_trait]
    impl Part for Writer {
        fn name(&self) -> String {
            self.name.to_owned()
        }

        fn phase(&self) -> Phase {
            self.phase
        }

        async fn run(&self, stop: Stop) {
            stop.closing.cancelled().await;
            assert!(stop.draining.is_cancelled());
            if self.hangs {
                std::future::pending::<()>().await;
            }
            // If the phases did not wait for each other, the part that began first would end first.
            tokio::time::sleep(Duration::from_millis(10)).await;
            let mut diary = self.diary.lock().unwrap_or_else(PoisonError::into_inner);
            diary.push(self.name.to_owned());
        }
    }

    fn parts(diary: &Diary, hanging: &str) -> Vec<Arc<dyn Part>> {
        let part = |(name, phase)| -> Arc<dyn Part> {
            Arc::new(Writer {
                name,
                phase,
                hangs: name == hanging,
                diary: diary.clone(),
            })
        };
        [
            ("traces", Phase::Telemetry),
            ("database", Phase::Storage),
            ("relay", Phase::Work),
            ("http", Phase::Listener),
            ("registry", Phase::Announcement),
        ]
        .map(part)
        .into()
    }

    #[tokio::test]
    async fn parts_end_phase_by_phase() {
        let diary = Diary::default();
        let life = Life::run(&parts(&diary, ""), CancellationToken::new());
        life.stop(Duration::from_millis(5), Duration::from_secs(10))
            .await;
        let ended = diary.lock().unwrap().clone();
        assert_eq!(ended, ["registry", "http", "relay", "database", "traces"]);
    }

    #[tokio::test]
    async fn a_part_that_hangs_does_not_hold_the_process_up() {
        let diary = Diary::default();
        let life = Life::run(&parts(&diary, "relay"), CancellationToken::new());
        life.stop(Duration::ZERO, Duration::from_millis(200)).await;
        let ended = diary.lock().unwrap().clone();
        assert_eq!(ended[..2], ["registry", "http"]);
    }
}
