//! A moment in which no request is under way: for doing to a server what would cost whoever is being answered.
//! It owns the lock that every client passes before each request; it knows no client.

use tokio::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

/// Where clients wait before a request, while nobody may begin one.
#[derive(Debug, Default)]
pub(super) struct Turnstile(RwLock<()>);

/// As long as this is there, no request is under way.
#[derive(Debug)]
pub struct Pause<'a> {
    _all: RwLockWriteGuard<'a, ()>,
}

impl Turnstile {
    /// Waits until a request may begin; it is under way until what comes back is dropped.
    pub(super) async fn pass(&self) -> RwLockReadGuard<'_, ()> {
        self.0.read().await
    }

    /// Blocks until nobody is between here and there.
    pub(super) fn close(&self) -> Pause<'_> {
        Pause { _all: self.0.blocking_write() }
    }
}
