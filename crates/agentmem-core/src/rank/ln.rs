//! A natural logarithm that gives the same bits everywhere (spec 8.5): platforms' own differ in the last place.

/// ln(x) for a finite x above 0, normal (not subnormal).
pub(crate) fn ln(x: f64) -> f64 {
    const FRACTION: u64 = (1 << 52) - 1;
    let bits = x.to_bits();
    // x = m 2^e with m in [1/2, 1), then in [sqrt(1/2), sqrt(2)).
    let mut exponent = (bits >> 52).cast_signed() - 1022;
    let mut m = f64::from_bits((bits & FRACTION) | (1022 << 52));
    if m < std::f64::consts::FRAC_1_SQRT_2 {
        m *= 2.0;
        exponent -= 1;
    }
    let z = (m - 1.0) / (m + 1.0);
    let w = z * z;
    let mut p = 0.0;
    for k in (0..=10).rev() {
        p = p * w + 1.0 / f64::from(2 * k + 1);
    }
    (2.0 * z) * p + exponent as f64 * std::f64::consts::LN_2
}

#[cfg(test)]
mod tests {
    use super::ln;

    #[test]
    fn it_is_within_two_units_in_the_last_place_of_the_platforms() {
        for x in [
            1.0,
            1.5,
            0.5,
            2.0,
            3.25,
            10.0,
            1e6,
            1e-3,
            123_456.789,
            std::f64::consts::SQRT_2,
        ] {
            let (ours, platform) = (ln(x), f64::ln(x));
            assert!(
                (ours - platform).abs() <= 2.0 * f64::EPSILON * platform.abs(),
                "{x}: {ours} {platform}"
            );
        }
    }
}
