package timeline

// A sign is one of those that a text picture is made of.
type sign int

const (
	signNone sign = iota
	signStarting
	signRunning
	signWaiting
	signHolding
	signBoth // holding one thing, waiting for another
	signTask
	signSend
	signRecv
	signSendRecv
	signSet
	signNotify
	signArrival
	signSignal
	signFailed
	signMeeting
	signKilled
	signText // a letter of a name, or an arrow between lanes
	signs
)

// signRunes are the signs in Unicode and in ASCII.
var signRunes = [signs][2]rune{
	signNone:     {' ', ' '},
	signStarting: {'░', '~'},
	signRunning:  {'━', '='},
	signWaiting:  {'┈', '-'},
	signHolding:  {'█', '#'},
	signBoth:     {'▒', '%'},
	signTask:     {'┣', '['},
	signSend:     {'●', '>'},
	signRecv:     {'○', '<'},
	signSendRecv: {'◉', '@'},
	signSet:      {'◆', '*'},
	signNotify:   {'◇', '+'},
	signArrival:  {'├', '('},
	signSignal:   {'!', '!'},
	signFailed:   {'×', 'x'},
	signMeeting:  {'╫', '|'},
	signKilled:   {'╳', 'X'},
}

// signColors are the numbers of the colours in a terminal.
var signColors = [signs]string{
	signStarting: "2",
	signWaiting:  "33",
	signHolding:  "35",
	signBoth:     "35",
	signTask:     "32",
	signSend:     "34",
	signRecv:     "34",
	signSendRecv: "34",
	signSet:      "36",
	signNotify:   "36",
	signArrival:  "36",
	signSignal:   "31",
	signFailed:   "31",
	signMeeting:  "36",
	signKilled:   "31",
}

// signMeanings are what a legend says of the signs.
var signMeanings = [signs]string{
	signStarting: "is being started",
	signRunning:  "runs",
	signWaiting:  "waits for",
	signHolding:  "holds",
	signBoth:     "holds one, waits for another",
	signTask:     "does a task",
	signSend:     "sends",
	signRecv:     "receives",
	signSendRecv: "both",
	signSet:      "sets",
	signNotify:   "notifies",
	signArrival:  "arrives at",
	signSignal:   "sends a signal",
	signFailed:   "an error",
	signMeeting:  "all pass",
	signKilled:   "ended by a signal",
}

// signOf is the sign of a point.
func signOf(k Kind) sign {
	switch k {
	case Send:
		return signSend
	case Recv:
		return signRecv
	case Set:
		return signSet
	case Notify:
		return signNotify
	}
	return signSignal
}

// about are the objects that a sign is about in this log, in their order.
// Messages are about the same ones at both ends.
func (s *scene) about(what sign) []int {
	if what == signRecv {
		what = signSend
	}
	used := make([]bool, len(s.log.Objects))
	for i := range s.lanes {
		for _, p := range s.lanes[i].points {
			if of := signOf(p.Kind); p.Object >= 0 && (of == what || of == signRecv && what == signSend) {
				used[p.Object] = true
			}
		}
		for _, sp := range s.lanes[i].spans {
			arrives := sp.Kind == Wait && sp.For == ForParties
			if sp.Object >= 0 && (sp.Kind == Hold && what == signHolding || arrives && what == signArrival) {
				used[sp.Object] = true
			}
		}
	}
	var objects []int
	for i, u := range used {
		if u {
			objects = append(objects, i)
		}
	}
	return objects
}

// meaning is what the legend says of a sign, with the name of the object if
// there is but one that it can be about.
func (s *scene) meaning(what sign) string {
	m, objects := signMeanings[what], s.about(what)
	if len(objects) != 1 {
		return m
	}
	switch what {
	case signSend:
		m += " to"
	case signRecv:
		m += " from"
	}
	return m + " " + s.object(objects[0])
}
