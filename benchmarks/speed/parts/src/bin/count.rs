//! Repeats a part so many times: `count NUMBER TIMES`; without arguments it names the parts, a line each.

use agentmem_parts::PARTS;

fn main() {
    let arguments: Vec<usize> = std::env::args()
        .skip(1)
        .filter_map(|argument| argument.parse().ok())
        .collect();
    if let [part, times] = arguments[..]
        && let Some((_, make)) = PARTS.get(part)
    {
        let mut run = make();
        (0..times).for_each(|_| run());
    } else {
        PARTS.iter().for_each(|(name, _)| println!("{name}"));
    }
}
