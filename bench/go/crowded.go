package main

import (
	"encoding/binary"
	"io"
	"log"
	"math"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strconv"
	"sync/atomic"
	"syscall"
	"time"
	"unsafe"
)

// crowdedTasks and crowdedThreads wake a server in a crowd of count others: us from a request to the server, the median. place is
// where it runs: "pool", "blocking" (in a read), or "locked" to its thread.
func crowdedTasks(count int, place string, wake func(place string) float64) float64 {
	stop, turns := atomic.Bool{}, make(chan int)
	for range count {
		go func() {
			x, n := uint32(1), 0
			for ; !stop.Load(); n++ {
				x = spin(x, 12_000) // some 20 us
				runtime.Gosched()
			}
			turns <- n
		}()
	}
	us := wake(place)
	stop.Store(true)
	for range count {
		<-turns
	}
	return us
}

func crowdedThreads(count int, place string, wake func(place string) float64) float64 {
	pipe, ended := newPipe(), make(chan bool)
	for range count {
		go func() {
			pipe.read()
			ended <- true
		}()
	}
	for processThreads() < count { // each blocks a thread
		time.Sleep(time.Millisecond)
	}
	us := wake(place)
	for range count {
		pipe.write()
	}
	for range count {
		<-ended
	}
	return us
}

func processThreads() int {
	tasks, err := os.ReadDir("/proc/self/task")
	if err != nil {
		log.Fatal(err)
	}
	return len(tasks)
}

const (
	times = 20
	pause = 2 * time.Millisecond
)

// wakeServer has a goroutine ask.
func wakeServer(place string) float64 {
	start := time.Now()
	requests, replies := make(chan time.Duration), make(chan float64)
	pipe := newPipe()
	reply := func(sent time.Duration) {
		replies <- float64((time.Since(start) - sent).Nanoseconds()) / 1000
	}
	go func() {
		if place == "locked" {
			runtime.LockOSThread()
		}
		if place != "blocking" {
			for sent := range requests {
				reply(sent)
			}
			return
		}
		for range times {
			reply(pipe.readTime())
		}
	}()
	samples := make([]float64, 0, times)
	for range times {
		time.Sleep(pause)
		if place == "blocking" {
			pipe.writeTime(time.Since(start))
		} else {
			requests <- time.Since(start)
		}
		samples = append(samples, <-replies)
	}
	close(requests)
	return medianOf(samples)
}

func medianOf(samples []float64) float64 {
	slices.Sort(samples)
	return (samples[times/2-1] + samples[times/2]) / 2
}

// sinceBoot is the same for all processes.
func sinceBoot() time.Duration {
	var now syscall.Timespec
	const monotonic = 1
	if _, _, err := syscall.RawSyscall(syscall.SYS_CLOCK_GETTIME, monotonic, uintptr(unsafe.Pointer(&now)), 0); err != 0 {
		log.Fatal(err)
	}
	return time.Duration(now.Nano())
}

// wakeFromOutside has another process ask by a pipe, contenders/asks.c: whatever runs Go code in this one needs a P. In the pool the
// server waits for it by the netpoller, elsewhere in a read.
func wakeFromOutside(place string) float64 {
	program := compiled("asks")
	defer os.Remove(program)
	process := exec.Command(program, strconv.Itoa(times), "/dev/stdout")
	process.Stderr = os.Stderr
	requests, err := process.StdoutPipe()
	if err != nil {
		log.Fatal(err)
	}
	replies, err := process.StdinPipe()
	if err != nil {
		log.Fatal(err)
	}
	if err := process.Start(); err != nil {
		log.Fatal(err)
	}
	samples := make([]float64, 0, times)
	served := make(chan bool)
	go func() {
		if place == "locked" {
			runtime.LockOSThread()
		}
		next := func() time.Duration {
			var b [8]byte
			if _, err := io.ReadFull(requests, b[:]); err != nil {
				log.Fatal(err)
			}
			return timeOf(b)
		}
		if place != "pool" {
			// From here on its reads block.
			blocking := pipe{reader: int(requests.(*os.File).Fd())}
			next = func() time.Duration {
				var b [8]byte
				blocking.readAll(b[:])
				return timeOf(b)
			}
		}
		for range times {
			sent := next()
			samples = append(samples, float64((sinceBoot()-sent).Nanoseconds())/1000)
			if _, err := replies.Write([]byte{0}); err != nil {
				log.Fatal(err)
			}
		}
		served <- true
	}()
	<-served
	if err := process.Wait(); err != nil {
		log.Fatal(err)
	}
	return medianOf(samples)
}

func (p pipe) readTime() time.Duration {
	var b [8]byte
	p.readAll(b[:])
	return time.Duration(binary.LittleEndian.Uint64(b[:]))
}

func (p pipe) writeTime(t time.Duration) {
	var b [8]byte
	binary.LittleEndian.PutUint64(b[:], uint64(t))
	p.writeAll(b[:])
}

// timeOf is what asks.c sends.
func timeOf(b [8]byte) time.Duration {
	return time.Duration(math.Float64frombits(binary.LittleEndian.Uint64(b[:])))
}
