//! Clocks, memory, and what is told of many times.

use std::path::Path;
use std::time::Instant;

use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::Failed;

/// CPU time is the median of so many rounds: one that another process disturbed does not count.
const ROUNDS: usize = 10;

/// Seconds of CPU that all threads of this process have had.
pub fn cpu() -> f64 {
    let spent = clock_gettime(ClockId::ProcessCPUTime);
    spent.tv_sec as f64 + spent.tv_nsec as f64 / 1e9
}

/// Calls for each thing, for so many seconds at most: wall time a call, CPU time a round.
pub fn timed<T>(
    things: &[T],
    seconds: f64,
    mut call: impl FnMut(&T) -> Result<(), Failed>,
) -> Result<Value, Failed> {
    let (mut walls, mut spent) = (Vec::new(), Vec::new());
    let begun = Instant::now();
    let over = || begun.elapsed().as_secs_f64() > seconds;
    for round in things.chunks((things.len() / ROUNDS).max(1)) {
        let before = cpu();
        let mut done = 0;
        for thing in round {
            let at = Instant::now();
            call(thing)?;
            walls.push(at.elapsed().as_secs_f64());
            done += 1;
            if walls.len() >= 3 && over() {
                break;
            }
        }
        spent.push((cpu() - before) / f64::from(done));
        if over() {
            break;
        }
    }
    let p99 = walls.len() * 99 / 100;
    let median = median(&mut walls);
    Ok(
        json!({"median": median, "p99": walls[p99.min(walls.len() - 1)],
        "count": walls.len(), "cpu": self::median(&mut spent)}),
    )
}

/// Sorts the values and gives the middle one.
pub fn median(values: &mut [f64]) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() % 2 {
        _ if values.is_empty() => 0.0,
        0 => f64::midpoint(values[middle - 1], values[middle]),
        _ => values[middle],
    }
}

pub fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A number of `/proc/self/status` in bytes, `VmHWM` for the most memory so far and `VmRSS` for that of now; null elsewhere.
pub fn memory(name: &str) -> Value {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix(name));
    let kilobytes = line.and_then(|line| line.split_whitespace().next()?.parse::<u64>().ok());
    kilobytes.map_or(Value::Null, |kilobytes| json!(kilobytes * 1024))
}

/// The bytes of all files of a folder.
pub fn on_disk(folder: &Path) -> Result<u64, Failed> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder)? {
        bytes += entry?.metadata()?.len();
    }
    Ok(bytes)
}
