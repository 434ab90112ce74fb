//! Takes one measurement of a row with tokio or with rayon: `bench ENGINE ROW THREADS [SIZE]` prints the value in the
//! row's unit, and what came out of the work.

mod of_rayon;
mod of_tokio;
mod work;

/// The value, and the answer that the bench checks where a row has a size.
pub type Measured = (f64, i64);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [engine, row, threads, size @ ..] = arguments.as_slice() else {
        panic!("ENGINE ROW THREADS [SIZE]");
    };
    let threads = threads.parse().expect("a number of threads");
    let size = size.first().map_or(0, |size| size.parse().expect("a size"));
    let (value, answer) = match engine.as_str() {
        "tokio" => of_tokio::measure(row, threads, size),
        "rayon" => of_rayon::measure(row, threads, size),
        _ => panic!("no engine is named {engine}"),
    };
    println!("{value} {answer}");
}
