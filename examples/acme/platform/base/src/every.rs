//! Repeated work.

use std::time::Duration;

/// Does the work now, and again `pause` after each run has ended. Dropping the future stops it.
pub async fn every<F: Future<Output = ()>>(pause: Duration, mut work: impl FnMut() -> F) {
    loop {
        work().await;
        tokio::time::sleep(pause).await;
    }
}
