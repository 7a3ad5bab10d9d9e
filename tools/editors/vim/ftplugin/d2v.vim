" How .d2v files are laid out (as `d2v fmt` does it), commented and checked: `:make` runs d2v check on the file.
if exists("b:did_ftplugin")
  finish
endif
let b:did_ftplugin = 1

setlocal comments=:// commentstring=//\ %s
setlocal expandtab shiftwidth=2 softtabstop=2 textwidth=130
setlocal suffixesadd=.d2v include=^\\s*include\\s\\+
if executable("d2v")
  compiler d2v
endif

let b:undo_ftplugin = "setlocal comments< commentstring< expandtab< shiftwidth< softtabstop< textwidth< suffixesadd< include<"
