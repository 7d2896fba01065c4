//! Powers of two that are the same bits everywhere (spec 8.11): platforms' own differ in the last place.

/// 2 to the power of an x of at most 0; what is smaller than 2 to the power of -1000 is 0.
pub(super) fn exp2(x: f64) -> f64 {
    if x < -1000.0 {
        return 0.0;
    }
    let i = (x + 0.5).floor();
    let t = (x - i) * std::f64::consts::LN_2;
    let mut p = 1.0;
    for k in (1..=13).rev() {
        p = 1.0 + (t * p) / f64::from(k);
    }
    // The double 2^i, by its exponent.
    p * f64::from_bits(((i as i64 + 1023) << 52).cast_unsigned())
}

#[cfg(test)]
mod tests {
    use super::exp2;
    use crate::vectors::vectors;

    #[test]
    fn it_agrees_with_the_vectors_to_the_last_bit() {
        for vector in vectors("exp2.json") {
            let x = vector["input"].as_f64().expect("a number");
            let expected = vector["output"]["exp2"].as_f64().expect("a number");
            assert_eq!(exp2(x).to_bits(), expected.to_bits(), "{}", vector["why"]);
        }
    }
}
