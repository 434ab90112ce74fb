//! What the rows compute, the same as the other contenders.

use std::time::{Duration, Instant};

/// workload.ts's.
pub fn spin(seed: u32, steps: u32) -> u32 {
    let mut x = seed | 1;
    for _ in 0..steps {
        x ^= x << 13;
        x ^= x >> 17;
        x ^= x << 5;
    }
    x
}

/// The time of the second of two runs, as every contender's, and its answer.
pub fn warm<T>(mut run: impl FnMut() -> T) -> (Duration, T) {
    run();
    let start = Instant::now();
    let answer = run();
    (start.elapsed(), answer)
}

pub fn ms(elapsed: Duration) -> f64 {
    elapsed.as_nanos() as f64 / 1e6
}

pub fn ns(elapsed: Duration) -> f64 {
    elapsed.as_nanos() as f64
}

pub fn is_safe(placed: &[i64], column: i64) -> bool {
    let row = placed.len();
    placed.iter().enumerate().all(|(i, &other)| {
        other != column && (other - column).unsigned_abs() as usize != row - i
    })
}

pub fn count_queens(placed: &mut Vec<i64>, queens: i64) -> i64 {
    if placed.len() as i64 == queens {
        return 1;
    }
    let mut solutions = 0;
    for column in 0..queens {
        if is_safe(placed, column) {
            placed.push(column);
            solutions += count_queens(placed, queens);
            placed.pop();
        }
    }
    solutions
}
