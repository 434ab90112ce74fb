//! Rows that only compute, on rayon's pool.

use crate::Measured;
use crate::work::{count_queens, is_safe, ms, spin, warm};
use rayon::prelude::*;

pub fn measure(row: &str, threads: usize, size: i64) -> Measured {
    let pool = rayon::ThreadPoolBuilder::new().num_threads(threads).build().expect("a pool");
    let program = match row {
        "arithmetic" => arithmetic,
        "savina-fork-join" => fork_join,
        "savina-fork-join-work" => fork_join_work,
        "savina-fib" => fib,
        "savina-queens" => queens,
        "savina-matrix" => matrix,
        "savina-skynet" => skynet,
        _ => panic!("no row of rayon's is named {row}"),
    };
    let (elapsed, answer) = warm(|| pool.install(|| program(size)));
    (ms(elapsed), answer)
}

/// A job for each number, whose grain is one: `with_max_len` keeps rayon from making longer ones.
fn sum_of(children: i64, child: impl Fn(i64) -> i64 + Sync) -> i64 {
    (0..children as u32).into_par_iter().with_max_len(1).map(|i| child(i64::from(i))).sum()
}

fn arithmetic(_: i64) -> i64 {
    sum_of(64, |seed| i64::from(spin(seed as u32, 3_000_000)))
}

fn fork_join(children: i64) -> i64 {
    sum_of(children, |i| i)
}

fn fork_join_work(children: i64) -> i64 {
    sum_of(children, |i| i64::from(spin(i as u32, 6_000) & 1023))
}

/// Each number is a job, down to the last two.
fn fib(n: i64) -> i64 {
    if n < 2 {
        return n;
    }
    let (less, least) = rayon::join(|| fib(n - 1), || fib(n - 2));
    less + least
}

/// A job for each placement of the first four queens; below, plain recursion.
fn queens(n: i64) -> i64 {
    fn place(placed: &[i64], n: i64) -> i64 {
        const FORKS: usize = 4;
        let mut placed = placed.to_vec();
        if placed.len() == FORKS {
            return count_queens(&mut placed, n);
        }
        let children: Vec<Vec<i64>> = (0..n)
            .filter(|&column| is_safe(&placed, column))
            .map(|column| [placed.as_slice(), &[column]].concat())
            .collect();
        children.par_iter().with_max_len(1).map(|child| place(child, n)).sum()
    }
    place(&[], n)
}

/// A tree of jobs, ten children each, whose leaves return their numbers.
fn skynet(leaves: i64) -> i64 {
    fn node(first: i64, leaves: i64) -> i64 {
        if leaves == 1 {
            return first;
        }
        sum_of(10, |i| node(first + i * leaves / 10, leaves / 10))
    }
    node(0, leaves)
}

/// Three matrices of `size` by `size`, each a row after the other.
struct Matrices {
    size: usize,
    a: Vec<f64>,
    b: Vec<f64>,
    c: *mut f64,
}

/// Every element of `c` has one writer at a time: the quarters of a product are apart, and its two halves follow one
/// another.
unsafe impl Sync for Matrices {}

impl Matrices {
    fn multiply(&self, row: usize, column: usize, common: usize, side: usize) {
        let size = self.size;
        for i in row..row + side {
            // Safety: these elements are this job's, see above.
            let sums = unsafe { std::slice::from_raw_parts_mut(self.c.add(i * size + column), side) };
            for k in common..common + side {
                let factor = self.a[i * size + k];
                let others = &self.b[k * size + column..k * size + column + side];
                for (sum, other) in sums.iter_mut().zip(others) {
                    *sum += factor * other;
                }
            }
        }
    }

    fn product(&self, row: usize, column: usize, common: usize, side: usize) {
        const SMALLEST: usize = 64;
        if side <= SMALLEST {
            return self.multiply(row, column, common, side);
        }
        let half = side / 2;
        for k in [common, common + half] {
            let quarter = |i: usize| self.product(row + half * (i >> 1), column + half * (i & 1), k, half);
            rayon::join(
                || rayon::join(|| quarter(0), || quarter(1)),
                || rayon::join(|| quarter(2), || quarter(3)),
            );
        }
    }
}

fn matrix(size: i64) -> i64 {
    let size = size as usize;
    let square = size * size;
    let element = |i: usize| ((i * 7) % 11) as f64 - 5.0;
    let mut c = vec![0.0; square];
    let a = (0..square).map(element).collect();
    let b = (square..2 * square).map(element).collect();
    Matrices { size, a, b, c: c.as_mut_ptr() }.product(0, 0, 0, size);
    let sum: f64 = c.iter().enumerate().map(|(i, &e)| e * ((i / size % 5) * (i % size % 3)) as f64).sum();
    sum as i64
}
