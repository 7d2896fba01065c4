//! How outcomes come to JavaScript: all that are there by one call. A promise of napi's own takes a call for each, and makes a
//! way between the threads for each, too.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use agentmem_binding::{Done, Outcome, after_telling};
use napi::bindgen_prelude::{Env, FnArgs, Function, Result, Status};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi::{check_status, sys};
use napi_derive::napi;

use crate::answer;

/// The numbers of calls, and the outcome of each as JSON text.
type Told = FnArgs<(Vec<u32>, Vec<String>)>;
/// By itself it keeps no event loop alive.
type Deliver = ThreadsafeFunction<(), (), Told, Status, false, true>;

/// Where the outcomes of calls are told.
#[napi]
pub struct NativeDeliveries {
    shared: Arc<Deliveries>,
}

#[napi]
impl NativeDeliveries {
    /// Takes the function that is called with the numbers of the calls that are done, and the outcome of each.
    #[napi(
        constructor,
        ts_args_type = "deliver: (calls: Array<number>, outcomes: Array<string>) => void"
    )]
    pub fn new(deliver: Function<'_, Told, ()>) -> Result<Self> {
        let outcomes = Arc::new(Outcomes::default());
        let taken = Arc::clone(&outcomes);
        let deliver = deliver
            .build_threadsafe_function::<()>()
            .weak::<true>()
            .build_callback(move |_| {
                let (calls, outcomes) = std::mem::take(&mut *taken.lock()).into_iter().unzip();
                Ok(FnArgs::from((calls, outcomes)))
            })?;
        Ok(NativeDeliveries {
            shared: Arc::new(Deliveries { deliver, outcomes }),
        })
    }

    /// Keeps the event loop alive, while a call is under way.
    #[napi]
    #[allow(unsafe_code)] // napi-rs wraps this in what it has deprecated
    pub fn hold(&self, env: &Env) -> Result<()> {
        // SAFETY: on the thread of its environment, as a method is called, and not finalised, as long as we have it.
        check_status!(unsafe {
            sys::napi_ref_threadsafe_function(env.raw(), self.shared.deliver.raw())
        })
    }

    /// Lets the event loop end.
    #[napi]
    #[allow(unsafe_code)] // as in `hold`
    pub fn release(&self, env: &Env) -> Result<()> {
        // SAFETY: as in `hold`.
        check_status!(unsafe {
            sys::napi_unref_threadsafe_function(env.raw(), self.shared.deliver.raw())
        })
    }
}

impl NativeDeliveries {
    pub(crate) fn shared(&self) -> Arc<Deliveries> {
        Arc::clone(&self.shared)
    }
}

pub(crate) struct Deliveries {
    deliver: Deliver,
    outcomes: Arc<Outcomes>,
}

/// What is to be told, in order.
#[derive(Default)]
struct Outcomes(Mutex<Vec<(u32, String)>>);

impl Outcomes {
    fn lock(&self) -> MutexGuard<'_, Vec<(u32, String)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Deliveries {
    /// Makes what hears of the outcome of the call with this number, on whichever thread it ends.
    pub fn done(self: &Arc<Self>, call: u32) -> Done {
        let deliveries = Arc::clone(self);
        Box::new(move |outcome| {
            // Written here, since the other thread has the event loop to turn.
            let outcome = answer(outcome.map(Outcome::into_json));
            let mut waiting = deliveries.outcomes.lock();
            let is_first = waiting.is_empty();
            waiting.push((call, outcome));
            drop(waiting);
            if is_first {
                // Those of a group that was committed together come with it.
                after_telling(move || {
                    // An environment that is gone has nobody who waits.
                    let _ = deliveries
                        .deliver
                        .call((), ThreadsafeFunctionCallMode::NonBlocking);
                });
            }
        })
    }
}
