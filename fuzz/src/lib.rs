//! What must hold whatever the input is. Each target reads its input from bytes, and panics where something does not hold.
//!
//! `cargo fuzz` looks for such bytes, guided by coverage; the test beside runs those of the corpus, and bytes that a seed gives.

mod calls;
mod filters;
mod imports;
mod model;
mod texts;
mod times;

#[allow(dead_code, unused_imports, reason = "the targets use a part of it")]
#[path = "../../crates/agentmem-core/src/text/mod.rs"]
mod text;

pub use calls::calls;
pub use filters::filters;
pub use imports::imports;
pub use texts::texts;
pub use times::times;

/// What takes any bytes.
pub type Target = fn(&[u8]);

/// All targets, by their names.
pub const TARGETS: [(&str, Target); 5] = [
    ("calls", calls),
    ("filters", filters),
    ("imports", imports),
    ("texts", texts),
    ("times", times),
];
