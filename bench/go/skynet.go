package main

// skynet: a tree of goroutines, ten children each, whose leaves return their numbers. Returns their sum.
func skynet(leaves int) int {
	answer := make(chan int)
	go node(answer, 0, leaves)
	return <-answer
}

func node(answer chan<- int, first, leaves int) {
	if leaves == 1 {
		answer <- first
		return
	}
	const children = 10
	answers := make(chan int)
	for i := range children {
		go node(answers, first+i*leaves/children, leaves/children)
	}
	sum := 0
	for range children {
		sum += <-answers
	}
	answer <- sum
}
