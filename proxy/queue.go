package proxy

// queue is a list that is linked through its elements: it allocates nothing, and each of them can be
// taken out at any place. T is a pointer to a type that embeds link.
type queue[T linked[T]] struct{ first, last T }

type linked[T any] interface {
	comparable
	links() *link[T]
}

type link[T any] struct{ prev, next T }

func (l *link[T]) links() *link[T] { return l }

func (q *queue[T]) push(e T) { q.insert(e, q.last) }

// insert puts e behind another element; behind none, in front of all.
func (q *queue[T]) insert(e, behind T) {
	var none T
	next := q.first
	if behind != none {
		next = behind.links().next
		behind.links().next = e
	} else {
		q.first = e
	}
	if next != none {
		next.links().prev = e
	} else {
		q.last = e
	}
	*e.links() = link[T]{prev: behind, next: next}
}

func (q *queue[T]) remove(e T) {
	var none T
	l := e.links()
	if l.prev != none {
		l.prev.links().next = l.next
	} else {
		q.first = l.next
	}
	if l.next != none {
		l.next.links().prev = l.prev
	} else {
		q.last = l.prev
	}
	*l = link[T]{}
}
