//! Made-up turns of some 25 words.

const WHO: [&str; 5] = ["Ada", "Bob", "Chloe", "Dmitri", "Eva"];
const DOES: [&str; 7] = [
    "likes",
    "was looking for",
    "cancelled",
    "recommends",
    "has forgotten",
    "remembers",
    "is studying",
];
const WHAT: [&str; 11] = [
    "green tea",
    "a folding bicycle",
    "the office in Lyon",
    "old maps",
    "the yearly audit",
    "database backups",
    "a trumpet",
    "a new kitchen floor",
    "hearing protection",
    "Italian lessons",
    "a weather station",
];
const WHY: [&str; 3] = [
    "since it takes less time in the evening",
    "after talking with two people from sales",
    "although the price has gone up again",
];

pub const QUESTION: &str =
    "What did Chloe say about the bicycle, and when was the audit cancelled?";

/// The text of a number.
pub fn text(number: usize) -> String {
    let part = |salt: usize| {
        let at = number * 7919 + salt * 104_729;
        let (who, does) = (WHO[at % WHO.len()], DOES[at / 5 % DOES.len()]);
        let (what, why) = (WHAT[at / 3 % WHAT.len()], WHY[at / 7 % WHY.len()]);
        format!("{who} {does} {what} {why}")
    };
    format!("{}, and {} (entry {number}).", part(1), part(2))
}
