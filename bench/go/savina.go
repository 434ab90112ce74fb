package main

import (
	"log"
	"strconv"
)

// savina are the programs of savina/ by their rows. Each gets its size and returns its answer, which the bench checks.
var savina = map[string]func(size int) int{
	"savina-fork-join":           forkJoin,
	"savina-fork-join-work":      forkJoinWork,
	"savina-fib":                 fib,
	"savina-ring":                ring,
	"savina-locked-ping-pong":    lockedPingPong,
	"savina-doubleselect":        doubleselect,
	"savina-doubleselect-locked": lockedDoubleselect,
	"savina-chameneos":           chameneos,
	"savina-dictionary":          dictionary,
	"savina-bank":                bank,
	"savina-barbers":             barbers,
	"savina-philosophers":        philosophers,
	"savina-queens":              queens,
	"savina-matrix":              matrix,
	"savina-yields":              yields,
	"savina-sleeps":              sleeps,
	"savina-skynet":              skynet,
	"savina-stages":              stages,
	"savina-results":             results,
}

// lateness is what sleeps measures instead of the time it takes: ms.
var lateness float64

// timed is the time in ms of the second of two runs, and its answer.
func timed(program func(size int) int, argument string) (value float64, answer int) {
	size, err := strconv.Atoi(argument)
	if err != nil {
		log.Fatal(err)
	}
	elapsed := warm(func() { answer = program(size) })
	if lateness > 0 {
		return lateness, answer
	}
	return float64(elapsed.Nanoseconds()) / 1e6, answer
}

// spin is workload.ts's.
func spin(seed uint32, steps int) uint32 {
	x := seed | 1
	for range steps {
		x ^= x << 13
		x ^= x >> 17
		x ^= x << 5
	}
	return x
}
