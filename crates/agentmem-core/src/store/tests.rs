use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Store;
use crate::embed::Embedder;
use crate::error::Result;

#[test]
fn a_transaction_that_panics_is_undone_and_the_next_one_works() {
    let store = Store::in_memory(&Embedder::BuiltIn).expect("it is made");
    let last_seq = |store: &Store| store.read(|snapshot| snapshot.last_seq());
    let panicked = catch_unwind(AssertUnwindSafe(|| {
        store.write(|batch| -> Result<()> {
            let sql = "INSERT INTO event VALUES(1, 0, 3, NULL, 'a')";
            batch.connection().execute(sql, []).expect("it runs");
            resume_unwind(Box::new("a fault"))
        })
    }));
    assert!(panicked.is_err());
    assert_eq!(last_seq(&store).expect("it reads"), 0);
    store.write(|_| Ok(())).expect("it begins and ends");
}
