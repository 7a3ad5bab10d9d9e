# Types a line into an interactive zsh with our completion and presses Tab; prints the line as it is then. zsh -f complete.zsh FOLDER LINE
zmodload zsh/zpty
zpty shell "PS1='> ' TERM=dumb zsh -f -i"
text=
# await PATTERN: until it has been printed, or ten seconds have passed
await() {
	for i in {1..100}; do
		while zpty -r -t shell part; do text+=$part; done
		[[ $text == *$~1* ]] && return
		sleep 0.1
	done
}
zpty -w shell "fpath=($1 \$fpath); autoload -Uz compinit; compinit -u -D; stty cols 200; unsetopt prompt_cr prompt_sp; PS1='rea''dy> '"
await 'ready> '
text=
zpty -n -w shell "$2"$'\t'
await "$2[a-z]"
sleep 0.3
while zpty -r -t shell part; do text+=$part; done
print -r -- "$text" | tr -d '\007\r'
zpty -d shell
