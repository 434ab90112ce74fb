package main

// queens counts solutions with a goroutine for each placement of the first four queens; below, plain recursion.
func queens(n int) int {
	const forks = 4
	var place func(placed []int) int
	place = func(placed []int) int {
		if len(placed) == forks {
			return countQueens(append(make([]int, 0, n), placed...), n)
		}
		answers, children := make(chan int, n), 0
		for column := range n {
			if isSafe(placed, column) {
				children++
				next := append(append(make([]int, 0, len(placed)+1), placed...), column)
				go func() { answers <- place(next) }()
			}
		}
		solutions := 0
		for range children {
			solutions += <-answers
		}
		return solutions
	}
	return place(nil)
}

func isSafe(placed []int, column int) bool {
	row := len(placed)
	for i, other := range placed {
		if other == column || other-column == row-i || column-other == row-i {
			return false
		}
	}
	return true
}

func countQueens(placed []int, n int) int {
	if len(placed) == n {
		return 1
	}
	solutions := 0
	for column := range n {
		if isSafe(placed, column) {
			solutions += countQueens(append(placed, column), n)
		}
	}
	return solutions
}
