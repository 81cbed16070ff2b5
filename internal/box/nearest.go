package box

import (
	"cmp"
	"slices"
	"strings"
)

// nearest returns up to three of names that word is probably a slip for, the
// likeliest first: with one mistake in every three letters at most, and four in
// all. A word of four letters or more may also be a part of the name.
func nearest(word string, names []string) []string {
	type candidate struct {
		name     string
		distance int
	}
	var found []candidate
	limit := min((len(word)+1)/3, 4)
	for _, name := range names {
		d := distance(word, name)
		if len(word) >= 4 && strings.Contains(name, word) {
			d = 0
		}
		if d <= limit {
			found = append(found, candidate{name, d})
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return cmp.Compare(a.distance, b.distance) })
	var out []string
	for _, c := range found[:min(3, len(found))] {
		out = append(out, c.name)
	}
	return out
}

// distance is the number of letters to insert, delete, change or swap with
// their neighbour to get from a to b (Damerau and Levenshtein, with each
// letter moved once at most).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	var before []int // the row before the last one, for swaps
	last := make([]int, len(t)+1)
	for j := range last {
		last[j] = j
	}
	for i := range s {
		row := make([]int, len(t)+1)
		row[0] = i + 1
		for j := range t {
			change := last[j]
			if s[i] != t[j] {
				change++
			}
			row[j+1] = min(change, last[j+1]+1, row[j]+1)
			if i > 0 && j > 0 && s[i] == t[j-1] && s[i-1] == t[j] {
				row[j+1] = min(row[j+1], before[j-1]+1)
			}
		}
		before, last = last, row
	}
	return last[len(t)]
}
