//! What a disk can do to a store: calls that fail, power that goes, bytes that change. Longer with `npm run torture:files -- --rounds 20 --seed 7`.

mod crashes;
mod damage;
mod disk;
mod faults;
#[path = "../support/folder.rs"]
mod folder;
mod power;
mod random;
mod rising;
mod workload;
