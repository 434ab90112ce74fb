package main

import (
	"log"
	"runtime"
)

// server asks a goroutine 100,000 times over unbuffered channels: us for each question.
func server() float64 {
	return askServer(func() {})
}

// lockedServer is server with the answering goroutine wired to its thread.
func lockedServer() float64 {
	return askServer(runtime.LockOSThread)
}

func askServer(begin func()) float64 {
	const questions = 100_000
	elapsed := warm(func() {
		asked, replies := make(chan int), make(chan int)
		go func() {
			begin()
			for n := range asked {
				replies <- n + 1
			}
		}()
		n := 0
		for range questions {
			asked <- n
			n = <-replies
		}
		close(asked)
		if n != questions {
			log.Fatalf("%d questions were answered up to %d", questions, n)
		}
	})
	return float64(elapsed.Nanoseconds()) / 1000 / questions
}
