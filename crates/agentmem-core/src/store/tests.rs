use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

use super::Store;
use super::embedding::OUR_RANKING;
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

#[test]
fn the_ranking_has_another_version_when_it_gives_other_answers() {
    use sha2::{Digest, Sha256};
    let vectors = include_bytes!("../../../../conformance/vectors/ranking.json");
    let begin = Sha256::digest(vectors)[..8]
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect::<String>();
    // Who changes an order or a score that a release has given raises the version (docs/spec/file-format.md, F.14); who only adds
    // vectors, or changes what no release has given, writes the new hash.
    assert_eq!((OUR_RANKING, begin.as_str()), (1, "a97254f93145fff6"));
}
