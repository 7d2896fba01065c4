//! `--cfg loom` for this crate alone: then the queue is made of loom's locks and channels.

fn main() {
    println!("cargo::rustc-check-cfg=cfg(loom)");
    println!("cargo::rustc-cfg=loom");
}
