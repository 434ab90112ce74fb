// Command bench takes one measurement of the row named by its argument and prints the value, in the row's unit.
package main

import (
	"bytes"
	"fmt"
	"log"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

var rows = map[string]func() float64{
	"spawn":            spawn,
	"parked-memory":    parkedMemory,
	"ping-pong":        pingPong,
	"stream":           threadStream,
	"stream-free":      stream,
	"parked-receivers": parkedReceivers,
	"mutex":            mutex,
	"sieve":            sieve,
}

func main() {
	row, ok := rows[os.Args[1]]
	if !ok {
		log.Fatalf("no row is named %q", os.Args[1])
	}
	fmt.Println(row())
}

// spawn starts goroutines, each after the one before it has answered on a channel: ns for each.
func spawn() float64 {
	const children = 1_000_000
	answers := make(chan int)
	run := func() time.Duration {
		start, sum := time.Now(), 0
		for i := range children {
			go func() { answers <- i }()
			sum += <-answers
		}
		elapsed := time.Since(start)
		if sum != children*(children-1)/2 {
			log.Fatalf("the goroutines' answers add up to %d", sum)
		}
		return elapsed
	}
	run() // as every contender, warm
	return float64(run().Nanoseconds()) / children
}

// parkedMemory parks goroutines in Sleep: resident bytes for each.
func parkedMemory() float64 {
	const parked = 100_000
	asleep := make(chan struct{}, parked)
	before := residentBytes()
	for range parked {
		go func() {
			asleep <- struct{}{}
			time.Sleep(time.Hour)
		}()
	}
	for range parked {
		<-asleep
	}
	return float64(residentBytes()-before) / parked
}

// parkedReceivers parks goroutines on one channel: resident bytes for each.
func parkedReceivers() float64 {
	const parked = 100_000
	values := make(chan int)
	arrived := make(chan struct{}, parked)
	before := residentBytes()
	for range parked {
		go func() {
			arrived <- struct{}{}
			<-values
		}()
	}
	for range parked {
		<-arrived
	}
	return float64(residentBytes()-before) / parked
}

// residentBytes is the process's resident memory after a full collection.
func residentBytes() int {
	runtime.GC()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		log.Fatal(err)
	}
	pages, err := strconv.Atoi(string(bytes.Fields(statm)[1]))
	if err != nil {
		log.Fatal(err)
	}
	return pages * os.Getpagesize()
}
