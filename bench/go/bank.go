package main

import (
	"log"
	"sync"
)

type booking struct {
	amount int
	reply  chan int
}

// bank: each account is a goroutine, and tellers move money between them. Returns all that is in the accounts, each
// balance times its account's number modulo 7.
func bank(transfers int) int {
	const accounts, tellers, opening = 1_000, 20, 1_000
	channels := make([]chan booking, accounts)
	balances := make([]int, accounts)
	var open, busy sync.WaitGroup
	open.Add(accounts)
	for i := range accounts {
		channels[i] = make(chan booking)
		go func() {
			balance := opening
			for booked := range channels[i] {
				balance += booked.amount
				booked.reply <- balance
			}
			balances[i] = balance
			open.Done()
		}()
	}
	busy.Add(tellers)
	for seed := range tellers {
		go func() {
			reply := make(chan int)
			for i := range transfers / tellers {
				from := (seed*7919 + i*31) % accounts
				to := (from + 1 + (i*17)%(accounts-1)) % accounts
				channels[from] <- booking{-(i % 9), reply}
				<-reply
				channels[to] <- booking{i % 9, reply}
				<-reply
			}
			busy.Done()
		}()
	}
	busy.Wait()
	for _, channel := range channels {
		close(channel)
	}
	open.Wait()
	total, weighted := 0, 0
	for i, balance := range balances {
		total += balance
		weighted += balance * (i % 7)
	}
	if total != accounts*opening {
		log.Fatalf("the accounts hold %d", total)
	}
	return weighted
}
