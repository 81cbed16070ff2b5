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

// meaning is what a legend says of the sign.
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
