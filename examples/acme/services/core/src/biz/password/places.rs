//! The places where passwords are hashed. There are few, and each keeps its memory.
//!
//! argon2 fills 19 MiB for every hash. Allocated anew each time, such blocks break up the heap of glibc, which then
//! does not shrink: a hundred log ins took 1.5 GB. So a place allocates its block once and keeps it, and a process never
//! holds more blocks than places. Keeping it is faster, too: a fresh block costs almost 5000 page faults.
//!
//! A block is wiped after each hash. From what argon2 leaves in it, the beginning of the computation can be worked out
//! backwards, and with that a guess at the password costs microseconds instead of a whole hash. Wiping costs about 4 %
//! of a hash.

use std::{
    sync::{Mutex, PoisonError},
    time::Instant,
};

use argon2::{Argon2, Block, Params};
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::timeout_at,
};

use crate::biz::Error;

/// How many requests may wait for each place. A hash takes about 20 ms, so the last of them waits for about a second.
const WAITING_FOR_EACH: usize = 64;
/// The block of a hash with the parameters of today, in KiB.
const BLOCK: usize = Params::DEFAULT.block_count();

/// A number of places, and the requests that wait for one.
pub struct Places {
    /// One permit for each place.
    free: Semaphore,
    /// One permit for each request that has a place or may wait for one.
    admitted: Semaphore,
    /// The memory of the places that are free and have been used before.
    blocks: Mutex<Vec<Vec<Block>>>,
}

/// A place that is taken. Dropped, it is wiped and free again.
pub struct Place {
    places: &'static Places,
    block: Vec<Block>,
    _free: SemaphorePermit<'static>,
    _admitted: SemaphorePermit<'static>,
}

impl Places {
    pub fn new(number: usize) -> Self {
        Self {
            free: Semaphore::new(number),
            admitted: Semaphore::new(number * (1 + WAITING_FOR_EACH)),
            blocks: Mutex::default(),
        }
    }

    /// Takes a place, and waits for one until `latest`. [`Error::Busy`] when none becomes free by then, or, at once,
    /// when too many wait already.
    pub async fn enter(&'static self, latest: Option<Instant>) -> Result<Place, Error> {
        let admitted = self.admitted.try_acquire().map_err(|_| Error::Busy)?;
        let free = self.free.acquire();
        let free = match latest {
            Some(latest) => timeout_at(latest.into(), free)
                .await
                .map_err(|_| Error::Busy)?,
            None => free.await,
        };
        let free = free.map_err(platform::Error::internal)?;
        let kept = self.blocks().pop();
        Ok(Place {
            places: self,
            block: kept.unwrap_or_else(|| vec![Block::new(); BLOCK]),
            _free: free,
            _admitted: admitted,
        })
    }

    fn blocks(&self) -> std::sync::MutexGuard<'_, Vec<Vec<Block>>> {
        self.blocks.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// Writes argon2's output for a password and a salt.
    pub fn hash(
        &mut self,
        argon2: &Argon2<'_>,
        password: &[u8],
        salt: &[u8],
        output: &mut [u8],
    ) -> argon2::Result<()> {
        let needed = argon2.params().block_count();
        if needed > self.block.len() {
            // Only a stored hash with larger parameters than today's needs more.
            self.block.resize(needed, Block::new());
        }
        argon2.hash_password_into_with_memory(password, salt, output, self.block.as_mut_slice())
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut block = std::mem::take(&mut self.block);
        block.fill(Block::new());
        block.truncate(BLOCK);
        block.shrink_to_fit();
        self.places.blocks().push(block);
    }
}

#[cfg(test)]
mod tests {
    use std::{sync::LazyLock, time::Duration};

    use super::*;

    fn hash(place: &mut Place, kibibytes: u32) -> [u8; 32] {
        let argon2 = Argon2::from(Params::new(kibibytes, 1, 1, None).unwrap());
        let mut output = [0; 32];
        let hashed = place.hash(
            &argon2,
            b"correct horse",
            b"a salt of some length",
            &mut output,
        );
        hashed.unwrap();
        output
    }

    #[tokio::test]
    async fn a_place_keeps_its_block_and_nothing_of_the_password_in_it() {
        static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(1));
        let mut place = PLACES.enter(None).await.unwrap();
        let first = hash(&mut place, 64);
        let address = place.block.as_ptr();
        drop(place);

        let mut place = PLACES.enter(None).await.unwrap();
        assert_eq!(place.block.as_ptr(), address);
        let empty = |block: &Block| block.as_ref().iter().all(|&word| word == 0);
        assert!(place.block.iter().all(empty));
        assert_eq!(hash(&mut place, 64), first);
    }

    #[tokio::test]
    async fn a_hash_with_larger_parameters_leaves_no_larger_block_behind() {
        static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(1));
        let mut place = PLACES.enter(None).await.unwrap();
        hash(&mut place, 2 * Params::DEFAULT_M_COST);
        drop(place);
        let place = PLACES.enter(None).await.unwrap();
        assert_eq!(place.block.capacity(), BLOCK);
    }

    #[tokio::test]
    async fn who_waits_gets_the_next_free_place() {
        static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(1));
        let place = PLACES.enter(None).await.unwrap();
        let waiting = tokio::spawn(PLACES.enter(None));
        tokio::task::yield_now().await;
        assert!(!waiting.is_finished());
        drop(place);
        assert!(waiting.await.unwrap().is_ok());
    }

    #[tokio::test]
    async fn nobody_waits_longer_than_their_time() {
        static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(1));
        let _place = PLACES.enter(None).await.unwrap();
        let latest = Instant::now() + Duration::from_millis(1);
        let refused = PLACES.enter(Some(latest)).await;
        assert!(matches!(refused, Err(Error::Busy)));
    }

    #[tokio::test]
    async fn a_request_too_many_is_refused_at_once() {
        static PLACES: LazyLock<Places> = LazyLock::new(|| Places::new(1));
        let place = PLACES.enter(None).await.unwrap();
        let waiting: Vec<_> = (0..WAITING_FOR_EACH)
            .map(|_| tokio::spawn(PLACES.enter(None)))
            .collect();
        while PLACES.admitted.available_permits() > 0 {
            tokio::task::yield_now().await;
        }
        assert!(matches!(PLACES.enter(None).await, Err(Error::Busy)));

        drop(place);
        for waiting in waiting {
            assert!(waiting.await.unwrap().is_ok());
        }
        assert!(PLACES.enter(None).await.is_ok());
    }
}
