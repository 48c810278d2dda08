//! Draws that follow from a seed.

use fastrand::Rng;

/// The draws of one purpose. Neighbouring seeds have nothing in common.
pub fn of(seed: u64, purpose: &str, number: usize) -> Rng {
    let mut key = seed ^ 0x9e37_79b9_7f4a_7c15;
    for byte in purpose.bytes().chain(number.to_le_bytes()) {
        key = (key ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
        key ^= key >> 29;
    }
    Rng::with_seed(key)
}

/// Between two numbers.
pub fn between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    low + rng.f64() * (high - low)
}

/// Between two numbers, evenly by ratio: as many from 2 to 4 as from 4 to 8.
pub fn log_between(rng: &mut Rng, low: f64, high: f64) -> f64 {
    between(rng, low.ln(), high.ln()).exp()
}

/// Normal, with mean 0 and standard deviation 1.
pub fn normal(rng: &mut Rng) -> f64 {
    let radius = (-2.0 * (1.0 - rng.f64()).ln()).sqrt();
    radius * (std::f64::consts::TAU * rng.f64()).cos()
}

/// A factor around 1 whose logarithm is normal.
pub fn factor(rng: &mut Rng, sigma: f64) -> f64 {
    (sigma * normal(rng) - sigma * sigma / 2.0).exp()
}

/// How often something happens that happens so often on average.
pub fn poisson(rng: &mut Rng, mean: f64) -> u64 {
    if mean > 50.0 {
        return whole(mean + mean.sqrt() * normal(rng));
    }
    let (limit, mut product, mut count) = ((-mean).exp(), rng.f64(), 0);
    while product > limit {
        product *= rng.f64();
        count += 1;
    }
    count
}

/// To the nearest whole number.
#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "not negative, and far below 2^53"
)]
pub fn whole(value: f64) -> u64 {
    value.round().max(0.0) as u64
}
