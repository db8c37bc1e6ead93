package main

import (
	"bufio"
	"errors"
	"reflect"
	"strings"
	"testing"
)

func TestCommandsAreWrittenByLength(t *testing.T) {
	got := string(appendCommand(nil, []string{"SET", "", "a\r\nb", "é"}))
	want := "*4\r\n$3\r\nSET\r\n$0\r\n\r\n$4\r\na\r\nb\r\n$2\r\né\r\n"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestRepliesAreRead(t *testing.T) {
	cases := map[string]any{
		"+OK\r\n":                       "OK",
		"+\r\n":                         "",
		"-ERR no\r\n":                   replyError("ERR no"),
		":-42\r\n":                      int64(-42),
		"$-1\r\n":                       nil,
		"*-1\r\n":                       nil,
		"$0\r\n\r\n":                    "",
		"$4\r\na\r\nb\r\n":              "a\r\nb",
		"*0\r\n":                        []any{},
		"*2\r\n$1\r\nx\r\n*1\r\n:1\r\n": []any{"x", []any{int64(1)}},
		"*3\r\n-ERR a\r\n$-1\r\n+b\r\n": []any{replyError("ERR a"), nil, "b"},
		"*1\r\n*1\r\n*1\r\n$1\r\ny\r\n": []any{[]any{[]any{"y"}}},
	}
	for text, want := range cases {
		source := bufio.NewReader(strings.NewReader(text + "+next\r\n"))
		got, err := readReply(source)
		if err != nil || !reflect.DeepEqual(got, want) {
			t.Errorf("%q: got %#v (%v), want %#v", text, got, err, want)
		}
		if next, err := readReply(source); next != "next" || err != nil {
			t.Errorf("%q: what follows is %v (%v)", text, next, err)
		}
	}
}

func TestBrokenStreamsAreErrors(t *testing.T) {
	cases := []string{
		"", "+OK", "+OK\n", "\r\n", "HTTP/1.1 400 Bad Request\r\n", ":x\r\n", "$-2\r\n", "$3\r\nab", "$1\r\nabc\r\n",
		"*2\r\n:1\r\n", "*-2\r\n", "$99999999999999\r\n", "*99999999999999\r\n", strings.Repeat("*1\r\n", 20),
	}
	for _, text := range cases {
		if got, err := readReply(bufio.NewReader(strings.NewReader(text))); err == nil {
			t.Errorf("%q: got %#v without an error", text, got)
		}
	}
}

func FuzzReplies(f *testing.F) {
	f.Add("*2\r\n$1\r\nx\r\n:1\r\n")
	f.Add("-ERR\r\n")
	f.Fuzz(func(t *testing.T, text string) {
		source := bufio.NewReader(strings.NewReader(text))
		for {
			if _, err := readReply(source); err != nil {
				return
			}
		}
	})
}

func TestErrorsAreTranslated(t *testing.T) {
	c := &connection{settings: &settings{host: "queue", port: 1}}
	cases := map[string]struct {
		temporary bool
		words     string
	}{
		"LOADING Redis is loading the dataset in memory": {true, "does not answer"},
		"READONLY You can't write against a replica":     {true, "does not answer"},
		"WRONGPASS invalid username-password pair":       {false, "check REDIS_PASSWORD"},
		"NOAUTH Authentication required.":                {false, "check REDIS_PASSWORD"},
		"OOM command not allowed":                        {false, "out of memory"},
		"ERR DB index is out of range":                   {false, "refuses a command"},
	}
	for text, want := range cases {
		_, err := c.checked(replyError(text))
		if isTemporary(err) != want.temporary || !strings.Contains(err.Error(), want.words) {
			t.Errorf("%s: %v", text, err)
		}
	}
	var lost lostError
	if _, err := c.checked([]any{"LOST"}); !errors.As(err, &lost) {
		t.Errorf("LOST: %v", err)
	}
	for _, reply := range []any{nil, "OK", []any{}, []any{"FENCED"}} {
		if _, err := c.checked(reply); err == nil {
			t.Errorf("%v is no error", reply)
		}
	}
}
