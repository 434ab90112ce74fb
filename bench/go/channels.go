package main

import (
	"log"
	"runtime"
	"sync"
	"time"
)

// warm is the time of the second of two runs: as every contender, warm.
func warm(run func()) time.Duration {
	run()
	start := time.Now()
	run()
	return time.Since(start)
}

// pingPong passes a number to another goroutine and back over two unbuffered channels: ns for each round trip.
func pingPong() float64 {
	const rounds = 1_000_000
	elapsed := warm(func() {
		there, back := make(chan int), make(chan int)
		go func() {
			for n := range there {
				back <- n + 1
			}
			close(back)
		}()
		n := 0
		for range rounds {
			there <- n
			n = <-back
		}
		close(there)
		if n != rounds {
			log.Fatalf("the ball was counted %d times", n)
		}
	})
	return float64(elapsed.Nanoseconds()) / rounds
}

// stream sends numbers through one channel with room for 64, between goroutines that the runtime places as it likes:
// values per second.
func stream() float64 {
	return streamBetween(func() {})
}

// threadStream is stream between two threads.
func threadStream() float64 {
	return streamBetween(runtime.LockOSThread)
}

func streamBetween(begin func()) float64 {
	const values = 1_000_000
	elapsed := warm(func() {
		numbers := make(chan int, 64)
		go func() {
			begin()
			for n := range values {
				numbers <- n
			}
			close(numbers)
		}()
		sums := make(chan int)
		go func() {
			begin()
			sum := 0
			for n := range numbers {
				sum += n
			}
			sums <- sum
		}()
		if sum := <-sums; sum != values*(values-1)/2 {
			log.Fatalf("the values add up to %d", sum)
		}
	})
	return values / elapsed.Seconds()
}

// mutex locks and unlocks a mutex that nobody else wants: ns for each pair.
func mutex() float64 {
	const rounds = 1_000_000
	var lock sync.Mutex
	elapsed := warm(func() {
		for range rounds {
			lock.Lock()
			lock.Unlock()
		}
	})
	return float64(elapsed.Nanoseconds()) / rounds
}

// sieve finds the 1000th prime with a goroutine for each prime, as on golang.org's front page: ms. What it leaves behind
// stays parked until the process ends.
func sieve() float64 {
	elapsed := warm(func() {
		numbers := make(chan int)
		go func(out chan<- int) {
			for n := 2; ; n++ {
				out <- n
			}
		}(numbers)
		prime := 0
		for range 1000 {
			prime = <-numbers
			passed := make(chan int)
			go func(in <-chan int, out chan<- int, prime int) {
				for {
					if n := <-in; n%prime != 0 {
						out <- n
					}
				}
			}(numbers, passed, prime)
			numbers = passed
		}
		if prime != 7919 {
			log.Fatalf("the 1000th prime is %d", prime)
		}
	})
	return float64(elapsed.Microseconds()) / 1000
}
