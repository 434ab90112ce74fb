//! Rows about tasks and channels, on tokio's multi-threaded runtime.

use crate::Measured;
use crate::work::{ms, ns, spin, warm};
use std::future::Future;
use std::pin::Pin;
use std::time::{Duration, Instant};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{Mutex, mpsc};
use tokio::task::yield_now;

pub fn measure(row: &str, threads: usize, size: i64) -> Measured {
    let runtime = Builder::new_multi_thread().worker_threads(threads).enable_time().build().expect("a runtime");
    match row {
        "spawn" => per(ns, 1_000_000, &runtime, spawn),
        "ping-pong" => per(ns, 1_000_000, &runtime, ping_pong),
        "stream" => {
            let (ns, values) = per(ns, 1_000_000, &runtime, stream);
            (1e9 / ns, values)
        }
        "mutex" | "mutex-try" => per(ns, 1_000_000, &runtime, mutex),
        "savina-sleeps" => runtime.block_on(async move { tokio::spawn(sleeps(size)).await.expect("an end") }),
        "savina-fork-join" => timed(&runtime, || sum_of(size, |i| i)),
        "savina-fork-join-work" => timed(&runtime, || sum_of(size, |i| i64::from(spin(i as u32, 6_000) & 1023))),
        "savina-fib" => timed(&runtime, || fib(size)),
        "savina-ring" => timed(&runtime, || ring(size)),
        "savina-dictionary" => timed(&runtime, || dictionary(size)),
        "savina-yields" => timed(&runtime, || yields(size)),
        "savina-skynet" => timed(&runtime, || node(0, size)),
        _ => panic!("no row of tokio's is named {row}"),
    }
}

/// In a task: on the thread that blocks in `block_on`, each hand-over would go to another thread.
fn timed<F>(runtime: &Runtime, program: impl Fn() -> F) -> Measured
where
    F: Future<Output = i64> + Send + 'static,
{
    let (elapsed, answer) = warm(|| runtime.block_on(runtime.spawn(program())).expect("an answer"));
    (ms(elapsed), answer)
}

fn per<F>(unit: fn(Duration) -> f64, count: i64, runtime: &Runtime, program: impl Fn(i64) -> F) -> Measured
where
    F: Future<Output = i64> + Send + 'static,
{
    let (elapsed, answer) = warm(|| runtime.block_on(runtime.spawn(program(count))).expect("an answer"));
    (unit(elapsed) / count as f64, answer)
}

async fn spawn(children: i64) -> i64 {
    let mut sum = 0;
    for i in 0..children {
        sum += tokio::spawn(async move { i }).await.expect("a child");
    }
    assert_eq!(sum, children * (children - 1) / 2);
    sum
}

/// tokio's channels have room for one at least.
async fn ping_pong(rounds: i64) -> i64 {
    let (there, mut asked) = mpsc::channel::<i64>(1);
    let (back, mut answered) = mpsc::channel::<i64>(1);
    tokio::spawn(async move {
        while let Some(n) = asked.recv().await {
            back.send(n + 1).await.expect("a receiver");
        }
    });
    let mut n = 0;
    for _ in 0..rounds {
        there.send(n).await.expect("a receiver");
        n = answered.recv().await.expect("an answer");
    }
    assert_eq!(n, rounds);
    n
}

async fn stream(values: i64) -> i64 {
    let (to, mut from) = mpsc::channel::<i64>(64);
    tokio::spawn(async move {
        for n in 0..values {
            to.send(n).await.expect("a receiver");
        }
    });
    let mut sum = 0;
    while let Some(n) = from.recv().await {
        sum += n;
    }
    assert_eq!(sum, values * (values - 1) / 2);
    sum
}

async fn mutex(rounds: i64) -> i64 {
    let lock = Mutex::new(0);
    for _ in 0..rounds {
        *lock.lock().await += 1;
    }
    let locked = *lock.lock().await;
    assert_eq!(locked, rounds);
    locked
}

async fn sum_of(children: i64, child: impl Fn(i64) -> i64 + Send + Sync + Clone + 'static) -> i64 {
    let started: Vec<_> = (0..children)
        .map(|i| {
            let child = child.clone();
            tokio::spawn(async move { child(i) })
        })
        .collect();
    let mut sum = 0;
    for each in started {
        sum += each.await.expect("a child");
    }
    sum
}

/// A number goes round and is one less after each hop. Returns who held it at 0.
async fn ring(hops: i64) -> i64 {
    const MEMBERS: usize = 100;
    let (mut senders, mut receivers) = (Vec::new(), Vec::new());
    for _ in 0..MEMBERS {
        let (sender, receiver) = mpsc::channel::<i64>(1);
        senders.push(sender);
        receivers.push(receiver);
    }
    let (ended, mut last) = mpsc::channel::<i64>(1);
    for (i, mut receiver) in receivers.into_iter().enumerate() {
        let to = senders[(i + 1) % MEMBERS].clone();
        let ended = ended.clone();
        tokio::spawn(async move {
            while let Some(hops) = receiver.recv().await {
                if hops == 0 {
                    // Drops `to`, so that the next one ends as well.
                    return ended.send(i as i64).await.expect("a receiver");
                }
                if to.send(hops - 1).await.is_err() {
                    return;
                }
            }
        });
    }
    senders[0].send(hops).await.expect("a receiver");
    last.recv().await.expect("an end")
}

struct Request {
    key: i64,
    /// To be written; without it the key is read.
    value: Option<i64>,
    reply: mpsc::Sender<i64>,
}

/// One task owns a map, and twenty others ask it to write and to read. Returns how many answers were right.
async fn dictionary(requests: i64) -> i64 {
    const CLIENTS: i64 = 20;
    const KEYS: i64 = 50;
    let (to, mut asked) = mpsc::channel::<Request>(1);
    tokio::spawn(async move {
        let mut map = std::collections::HashMap::new();
        while let Some(Request { key, value, reply }) = asked.recv().await {
            if let Some(value) = value {
                map.insert(key, value);
            }
            reply.send(map.get(&key).copied().unwrap_or(0)).await.expect("who asked");
        }
    });
    let clients: Vec<_> = (0..CLIENTS)
        .map(|client| {
            let to = to.clone();
            tokio::spawn(async move {
                let (reply, mut answers) = mpsc::channel(1);
                let mut written = [0; KEYS as usize];
                let mut right = 0;
                for i in 0..requests / CLIENTS {
                    let key = i % KEYS;
                    let value = (i % 10 == 0).then_some(i);
                    if let Some(value) = value {
                        written[key as usize] = value;
                    }
                    let request = Request { key: client * KEYS + key, value, reply: reply.clone() };
                    to.send(request).await.ok().expect("the owner");
                    if answers.recv().await == Some(written[key as usize]) {
                        right += 1;
                    }
                }
                right
            })
        })
        .collect();
    let mut right = 0;
    for client in clients {
        right += client.await.expect("an end");
    }
    right
}

async fn yields(tasks: i64) -> i64 {
    let started: Vec<_> = (0..tasks)
        .map(|_| {
            tokio::spawn(async {
                for _ in 0..100 {
                    yield_now().await;
                }
                100
            })
        })
        .collect();
    let mut sum = 0;
    for each in started {
        sum += each.await.expect("an end");
    }
    sum
}

/// The mean lateness in ms of tasks that sleep once each, for times spread over two seconds.
async fn sleeps(tasks: i64) -> Measured {
    let spread = Duration::from_secs(2);
    let started: Vec<_> = (0..tasks)
        .map(|i| {
            tokio::spawn(async move {
                let due = Instant::now() + spread.mul_f64((i * 7919 % tasks) as f64 / tasks as f64);
                tokio::time::sleep_until(due.into()).await;
                due.elapsed()
            })
        })
        .collect();
    let mut late = Duration::ZERO;
    for each in started {
        late += each.await.expect("an end");
    }
    (ms(late) / tasks as f64, tasks)
}

/// Each number is a task, down to the last two.
fn fib(n: i64) -> Pin<Box<dyn Future<Output = i64> + Send>> {
    Box::pin(async move {
        if n < 2 {
            return n;
        }
        let less = tokio::spawn(fib(n - 1));
        let least = tokio::spawn(fib(n - 2)).await.expect("a child");
        less.await.expect("a child") + least
    })
}

/// A tree of tasks, ten children each, whose leaves return their numbers.
fn node(first: i64, leaves: i64) -> Pin<Box<dyn Future<Output = i64> + Send>> {
    Box::pin(async move {
        if leaves == 1 {
            return first;
        }
        let children: Vec<_> =
            (0..10).map(|i| tokio::spawn(node(first + i * leaves / 10, leaves / 10))).collect();
        let mut sum = 0;
        for child in children {
            sum += child.await.expect("a child");
        }
        sum
    })
}
