//! `npm run bench:parts`, with the beginning of a name for some.

use agentmem_parts::PARTS;
use criterion::{Criterion, criterion_group, criterion_main};

fn parts(criterion: &mut Criterion) {
    for (name, make) in PARTS {
        let mut run = make();
        criterion.bench_function(name, |bencher| bencher.iter(&mut run));
    }
}

criterion_group!(all, parts);
criterion_main!(all);
