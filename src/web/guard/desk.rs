//! Where passwords are looked at, one or a few at a time.
//!
//! Owns: who is next. Looking at a password takes the time of a core, so there are few places, and however many wrong
//! passwords come, the rest of the process goes on. The last one to come is the next one, and after that anybody of those who
//! wait, by turns: whoever comes with a good password does not wait behind a hundred bad ones, nor for ever because bad ones
//! always come later. Of too many who wait, the oldest are sent away.
//! Must not: know a password.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Those who may wait. More than Prometheus and a few people ever are.
const MOST_WAITING: usize = 128;

/// Places at which a password is looked at. Cheap to clone; all clones speak of the same places.
#[derive(Clone, Debug)]
pub(super) struct Desk(Arc<Mutex<Waiting>>);

#[derive(Debug)]
struct Waiting {
    free: usize,
    line: VecDeque<oneshot::Sender<Place>>,
    /// Whether it is now anybody's turn.
    anybody: bool,
}

/// A place. It is the next one's when it is dropped.
#[derive(Debug)]
pub(super) struct Place(Option<Desk>);

impl Desk {
    pub(super) fn with_places(free: usize) -> Self {
        Self(Arc::new(Mutex::new(Waiting { free, line: VecDeque::new(), anybody: false })))
    }

    /// Waits for a place. `None` for whoever is sent away.
    pub(super) async fn place(&self) -> Option<Place> {
        let turn = {
            let mut waiting = self.lock();
            if let Some(left) = waiting.free.checked_sub(1) {
                waiting.free = left;
                return Some(Place(Some(self.clone())));
            }
            if waiting.line.len() >= MOST_WAITING {
                waiting.line.pop_front();
            }
            let (call, turn) = oneshot::channel();
            waiting.line.push_back(call);
            turn
        };
        turn.await.ok()
    }

    fn give_back(self) {
        loop {
            let next = {
                let mut waiting = self.lock();
                let next = waiting.next();
                if next.is_none() {
                    waiting.free = waiting.free.saturating_add(1);
                }
                next
            };
            let Some(next) = next else { return };
            match next.send(Place(Some(self.clone()))) {
                Ok(()) => return,
                // Whoever waited has gone. This place must not give itself back once more.
                Err(mut place) => drop(place.0.take()),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Waiting {
    fn next(&mut self) -> Option<oneshot::Sender<Place>> {
        let last = self.line.len().checked_sub(1)?;
        let index = if self.anybody { fastrand::usize(..=last) } else { last };
        self.anybody = !self.anybody;
        self.line.remove(index)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(desk) = self.0.take() {
            desk.give_back();
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::task::JoinSet;

    use super::*;

    /// Starts `count` who wait; each tells its number when its turn has come, and goes.
    async fn line_up(desk: &Desk, count: usize) -> JoinSet<(usize, bool)> {
        let mut line = JoinSet::new();
        for number in 0..count {
            let desk = desk.clone();
            let before = desk.lock().line.len();
            line.spawn({
                let desk = desk.clone();
                async move { (number, desk.place().await.is_some()) }
            });
            while desk.lock().line.len() == before && before < MOST_WAITING {
                tokio::task::yield_now().await;
            }
        }
        line
    }

    #[tokio::test]
    async fn the_last_to_come_is_the_next() {
        let desk = Desk::with_places(1);
        let place = desk.place().await.unwrap();
        let mut line = line_up(&desk, 3).await;
        drop(place);
        let mut order = Vec::new();
        while let Some(done) = line.join_next().await {
            order.push(done.unwrap());
        }
        assert_eq!(order.first(), Some(&(2, true)));
        order.sort_unstable();
        assert_eq!(order, [(0, true), (1, true), (2, true)]);
        assert_eq!(desk.lock().free, 1);
    }

    #[tokio::test]
    async fn whoever_came_first_is_served_although_somebody_else_is_always_the_last() {
        let desk = Desk::with_places(1);
        let mut place = desk.place().await.unwrap();
        let mut first = line_up(&desk, 1).await;
        // One who is served comes again at once, and others come behind.
        let mut crowd = JoinSet::new();
        let mut served = 0;
        while first.try_join_next().is_none() {
            while desk.lock().line.len() < 8 {
                crowd.spawn({
                    let desk = desk.clone();
                    async move { desk.place().await.is_some() }
                });
                tokio::task::yield_now().await;
            }
            drop(place);
            place = desk.place().await.unwrap();
            served += 1;
            assert!(served < 10_000, "nobody but the last is served");
        }
    }

    #[tokio::test]
    async fn of_too_many_the_oldest_are_sent_away() {
        let desk = Desk::with_places(1);
        let place = desk.place().await.unwrap();
        let mut line = line_up(&desk, MOST_WAITING).await;
        let newest = desk.place();
        let mut newest = std::pin::pin!(newest);
        let waits = tokio::select! { biased; _ = &mut newest => false, () = std::future::ready(()) => true };
        assert!(waits);
        assert_eq!(line.join_next().await.unwrap().unwrap(), (0, false));
        drop(place);
        assert!(newest.await.is_some());
    }

    #[tokio::test]
    async fn whoever_goes_takes_no_place_along() {
        let desk = Desk::with_places(1);
        let place = desk.place().await.unwrap();
        let mut line = line_up(&desk, 2).await;
        line.abort_all();
        while line.join_next().await.is_some() {}
        drop(place);
        assert_eq!(desk.lock().free, 1);
    }
}
