package main

type request struct {
	key, value int
	writes     bool
	reply      chan int
}

// dictionary: one goroutine owns a map, twenty others ask it to write and to read. Returns how many answers were right.
func dictionary(requests int) int {
	const clients, keys = 20, 50
	channel, counts := make(chan request), make(chan int)
	go func() {
		entries := make(map[int]int)
		for asked := range channel {
			if asked.writes {
				entries[asked.key] = asked.value
			}
			asked.reply <- entries[asked.key]
		}
	}()
	for client := range clients {
		go func() {
			reply, written, right := make(chan int), [keys]int{}, 0
			for i := range requests / clients {
				k := i % keys
				if i%10 == 0 {
					written[k] = i
				}
				channel <- request{client*keys + k, i, i%10 == 0, reply}
				if <-reply == written[k] {
					right++
				}
			}
			counts <- right
		}()
	}
	sum := 0
	for range clients {
		sum += <-counts
	}
	close(channel)
	return sum
}
