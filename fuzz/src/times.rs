use agentmem_core::Timestamp;
use arbitrary::{Arbitrary, Unstructured};

const MINUTE: i64 = 60_000;

/// A text is a time or is refused; a time that is written is read as itself, at any offset.
pub fn times(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    if let Ok(time) = Timestamp::parse(&text) {
        let written = time.to_string();
        assert_eq!(Timestamp::parse(&written).ok(), Some(time), "{text:?}");
        assert_eq!(written.len(), "2026-01-01T00:00:00.000Z".len());
    }
    let mut data = Unstructured::new(data);
    let (Ok(ms), Ok(minutes)) = (
        data.int_in_range(0..=Timestamp::MAX.as_millis()),
        data.int_in_range(-1439..=1439_i64),
    ) else {
        return;
    };
    // The local time at the offset, if it is in the years that can be written.
    let Ok(local) = Timestamp::from_millis(ms + minutes * MINUTE) else {
        return;
    };
    let fraction = u32::arbitrary(&mut data).unwrap_or_default();
    let sign = if minutes < 0 { '-' } else { '+' };
    let (hours, rest) = (minutes.abs() / 60, minutes.abs() % 60);
    // What is finer than a millisecond is cut off.
    let text = format!("{local}").replace('Z', &format!("{fraction}{sign}{hours:02}:{rest:02}"));
    let read = Timestamp::parse(&text).map(Timestamp::as_millis).ok();
    assert_eq!(read, Some(ms), "{text}");
}
