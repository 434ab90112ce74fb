// Command bench takes one measurement of the row named by its argument and prints the value, in the row's unit. Rows with
// a size, a second argument, print what came out of the work as well.
package main

import (
	"bytes"
	"fmt"
	"log"
	"math"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"strconv"
	"syscall"
	"time"
)

var rows = map[string]func() float64{
	"spawn":            spawn,
	"parked-memory":    func() float64 { return parkedMemory(100_000) / 100_000 },
	"ping-pong":        pingPong,
	"stream":           threadStream,
	"stream-free":      stream,
	"parked-receivers": func() float64 { return parkedReceivers(100_000) },
	"parked-million":   func() float64 { return parkedReceivers(1_000_000) },
	"mutex":            mutex,
	"mutex-try":        mutex,
	"sieve":            sieve,
	"blocking":         blocking,
	"pipe-ping-pong":   pipePingPong,
	"server-pool":      server,
	"server-locked":    lockedServer,
	"server-dedicated": lockedServer,
	"locker":           server,
	"retake":           retake,
	"beside-loop":      besideLoop,
	"echo-net-1":       echoNet,
	"echo-net-2":       echoNet,
}

// curves are rows with a point, and perhaps a word.
var curves = map[string]func(at int, words []string) float64{
	"crowded-tasks":   func(at int, words []string) float64 { return crowdedTasks(at, words[0], wakeServer) },
	"crowded-threads": func(at int, words []string) float64 { return crowdedThreads(at, words[0], wakeServer) },
	"outside-tasks":   func(at int, words []string) float64 { return crowdedTasks(at, words[0], wakeFromOutside) },
	"outside-threads": func(at int, words []string) float64 { return crowdedThreads(at, words[0], wakeFromOutside) },
	"memory-tasks":    func(at int, words []string) float64 { return parkedMemory(at) / 1e6 },
}

func main() {
	if curve, ok := curves[os.Args[1]]; ok {
		at, err := strconv.Atoi(os.Args[2])
		if err != nil {
			log.Fatal(err)
		}
		fmt.Println(curve(at, os.Args[3:]))
		return
	}
	if program, ok := savina[os.Args[1]]; ok {
		fmt.Println(timed(program, os.Args[2]))
		return
	}
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

// parkedMemory parks goroutines in Sleep: resident bytes of all.
func parkedMemory(parked int) float64 {
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
	return float64(residentBytes() - before)
}

// parkedReceivers parks goroutines on one channel: resident bytes for each.
func parkedReceivers(parked int) float64 {
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
	return float64(residentBytes()-before) / float64(parked)
}

// blocking makes a system call that does not block, as one that may: ns for each.
func blocking() float64 {
	const calls = 1_000_000
	parent := uintptr(syscall.Getppid())
	run := func() time.Duration {
		start, answers := time.Now(), 0
		for range calls {
			if number, _, _ := syscall.Syscall(syscall.SYS_GETPPID, 0, 0, 0); number == parent {
				answers++
			}
		}
		elapsed := time.Since(start)
		if answers != calls {
			log.Fatalf("%d of %d calls returned the parent's number", answers, calls)
		}
		return elapsed
	}
	run() // as every contender, warm
	return float64(run().Nanoseconds()) / calls
}

// pipePingPong sends a byte to another goroutine and back, by blocking reads and writes of pipes: us for each trip.
func pipePingPong() float64 {
	const trips = 20_000
	run := func() time.Duration {
		there, back := newPipe(), newPipe()
		defer there.close()
		defer back.close()
		go func() {
			for range trips + 1 {
				there.read()
				back.write()
			}
		}()
		var start time.Time
		for i := range trips + 1 {
			there.write()
			back.read()
			if i == 0 { // the other goroutine runs
				start = time.Now()
			}
		}
		return time.Since(start)
	}
	run() // as every contender, warm
	return float64(run().Nanoseconds()) / 1000 / trips
}

// retake starts a goroutine and blocks until it has run: us until it runs, the median. For 10 to 30 ms before
// each time nothing blocks: sysmon does not expect the call, and is not in step with it.
func retake() float64 {
	const tries, golden = 200, 0.618034 // multiples of it are spread evenly
	runtime.GOMAXPROCS(1)
	pipe := newPipe()
	delays := make([]float64, 0, tries)
	for i := range tries {
		_, fraction := math.Modf(float64(i) * golden)
		pause := time.Duration((10 + 20*fraction) * float64(time.Millisecond))
		for end := time.Now().Add(pause); time.Now().Before(end); {
		}
		started := make(chan time.Time, 1)
		go func() {
			started <- time.Now()
			pipe.write()
		}()
		start := time.Now()
		pipe.read()
		delays = append(delays, float64((<-started).Sub(start).Nanoseconds())/1000)
	}
	slices.Sort(delays)
	return (delays[tries/2-1] + delays[tries/2]) / 2
}

// besideLoop starts a goroutine of 1 ms every 5 ms while one for each P computes on end for a second: ms that one takes,
// the 99th percentile. Times count from when it was to start.
func besideLoop() float64 {
	const interval, length = 5 * time.Millisecond, time.Second
	run := func() []float64 {
		start := time.Now()
		hogs := make(chan uint32)
		for range runtime.GOMAXPROCS(0) {
			go func() {
				x := uint32(1)
				for time.Since(start) < length {
					for range 3_000_000 {
						x = x*1103515245 + 12345
					}
				}
				hogs <- x
			}()
		}
		taken := make(chan float64, length/interval)
		for at := time.Duration(0); at < length; at += interval {
			time.Sleep(time.Until(start.Add(at)))
			go func() {
				for end := time.Now().Add(time.Millisecond); time.Now().Before(end); {
				}
				taken <- float64(time.Since(start.Add(at)).Nanoseconds()) / 1e6
			}()
		}
		var times []float64
		for range length / interval {
			times = append(times, <-taken)
		}
		for range runtime.GOMAXPROCS(0) {
			<-hogs
		}
		slices.Sort(times)
		return times
	}
	run() // as every contender, warm
	times := run()
	return times[len(times)*99/100-1]
}

// pipe has descriptors that block, unlike those of package os, which wait in the netpoller.
type pipe struct{ reader, writer int }

func newPipe() pipe {
	var ends [2]int
	if err := syscall.Pipe(ends[:]); err != nil {
		log.Fatal(err)
	}
	return pipe{ends[0], ends[1]}
}

func (p pipe) read() {
	var b [1]byte
	p.readAll(b[:])
}

func (p pipe) write() {
	var b [1]byte
	p.writeAll(b[:])
}

func (p pipe) readAll(b []byte) {
	length, err := syscall.Read(p.reader, b)
	requireAll(b, length, err)
}

func (p pipe) writeAll(b []byte) {
	length, err := syscall.Write(p.writer, b)
	requireAll(b, length, err)
}

func (p pipe) close() {
	syscall.Close(p.reader)
	syscall.Close(p.writer)
}

func requireAll(b []byte, length int, err error) {
	if err != nil || length != len(b) {
		log.Fatalf("read or write of %d bytes: %d, %v", len(b), length, err)
	}
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
