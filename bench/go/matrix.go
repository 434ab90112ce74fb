package main

import "sync"

// matrix multiplies recursively: each quarter of the result is a goroutine, down to blocks of 64 x 64. Returns the sum
// of the elements, each times its row's number modulo 5 and its column's modulo 3.
func matrix(size int) int {
	const smallest = 64
	a, b, c := make([]float64, size*size), make([]float64, size*size), make([]float64, size*size)
	for i := range size * size {
		a[i] = float64((i*7)%11 - 5)
		b[i] = float64(((i+size*size)*7)%11 - 5)
	}
	multiply := func(row, column, common, side int) {
		for i := row; i < row+side; i++ {
			for k := common; k < common+side; k++ {
				factor := a[i*size+k]
				for j := column; j < column+side; j++ {
					c[i*size+j] += factor * b[k*size+j]
				}
			}
		}
	}
	var product func(row, column, common, side int)
	product = func(row, column, common, side int) {
		if side <= smallest {
			multiply(row, column, common, side)
			return
		}
		half := side / 2
		for _, k := range []int{common, common + half} {
			var group sync.WaitGroup
			group.Add(4)
			for quarter := range 4 {
				go func() {
					product(row+half*(quarter>>1), column+half*(quarter&1), k, half)
					group.Done()
				}()
			}
			group.Wait()
		}
	}
	product(0, 0, 0, size)
	sum := 0.0
	for i, element := range c {
		sum += element * float64((i/size)%5) * float64(i%size%3)
	}
	return int(sum)
}
