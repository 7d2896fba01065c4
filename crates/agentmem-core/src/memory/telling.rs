//! The outcomes of a group of writes are told one after the other, on the thread that committed them.

use std::cell::RefCell;

use crate::error::Result;
use crate::memory::queue::Outcome;

type Work = Box<dyn FnOnce()>;

thread_local! {
    /// What waits until the group that this thread tells of has been told; nothing if it tells of none.
    static AFTER: RefCell<Option<Vec<Work>>> = const { RefCell::new(None) };
}

/// Runs `work` once this thread has told all outcomes of the group that it is telling of, or at once if it tells of none.
///
/// For who is told many outcomes at once ([`Queued::submit`](crate::Queued::submit)), and passes them on at a price that is paid once
/// for all of them.
///
/// ```
/// let (sender, receiver) = std::sync::mpsc::channel();
/// agentmem_core::after_telling(move || sender.send("at once").unwrap());
/// assert_eq!(receiver.try_recv(), Ok("at once"));
/// ```
pub fn after_telling(work: impl FnOnce() + 'static) {
    let mut work: Option<Work> = Some(Box::new(work));
    AFTER.with_borrow_mut(|after| {
        if let Some(after) = after {
            after.extend(work.take());
        }
    });
    if let Some(work) = work {
        work();
    }
}

/// Tells each outcome, then does what was left for then.
pub(super) fn tell_all<A>(outcomes: impl IntoIterator<Item = (Outcome<A>, Result<A>)>) {
    let telling = Telling::begin();
    outcomes
        .into_iter()
        .for_each(|(outcome, result)| outcome.tell(result));
    drop(telling);
}

/// A group that is being told of, with what waits for the one around it; ends when dropped, by a panic too.
struct Telling(Option<Vec<Work>>);

impl Telling {
    fn begin() -> Self {
        Telling(AFTER.replace(Some(Vec::new())))
    }
}

impl Drop for Telling {
    fn drop(&mut self) {
        let left = AFTER.replace(self.0.take());
        left.into_iter().flatten().for_each(|work| work());
    }
}

#[cfg(test)]
mod tests {
    use std::rc::Rc;

    use super::*;

    #[test]
    fn what_is_left_for_later_is_done_once_the_group_has_been_told() {
        let said = Rc::new(RefCell::new(Vec::new()));
        let say = |word: &str| {
            let (said, word) = (Rc::clone(&said), word.to_owned());
            move || said.borrow_mut().push(word)
        };
        {
            let _telling = Telling::begin();
            after_telling(say("later"));
            say("now")();
            {
                // Who is told may itself write to another store.
                let _inner = Telling::begin();
                after_telling(say("within"));
            }
            after_telling(say("last"));
        }
        after_telling(say("at once"));
        assert_eq!(
            *said.borrow(),
            ["now", "within", "later", "last", "at once"]
        );
    }
}
