package main

import (
	"encoding/binary"
	"log"
	"os"
	"runtime"
	"slices"
	"sync/atomic"
	"time"
)

// crowdedTasks and crowdedThreads wake a server in a crowd of count others: us from a request to the server, the median. place is
// where it runs: "pool", "blocking" (in a read), or "locked" to its thread.
func crowdedTasks(count int, place string) float64 {
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
	us := wakeServer(place)
	stop.Store(true)
	for range count {
		<-turns
	}
	return us
}

func crowdedThreads(count int, place string) float64 {
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
	us := wakeServer(place)
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

func wakeServer(place string) float64 {
	const times, pause = 20, 2 * time.Millisecond
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
	slices.Sort(samples)
	return (samples[times/2-1] + samples[times/2]) / 2
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
