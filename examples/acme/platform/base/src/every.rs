//! Work that is done again and again.

use std::time::Duration;

/// Does the work now, and again each time this long after it has ended. Dropping the future stops it.
pub async fn every<F: Future<Output = ()>>(pause: Duration, mut work: impl FnMut() -> F) {
    loop {
        work().await;
        tokio::time::sleep(pause).await;
    }
}
