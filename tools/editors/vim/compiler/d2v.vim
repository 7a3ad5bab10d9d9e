" `:make` checks the spec in the buffer; messages go to the list of errors, notes and help with the error before them.
if exists("current_compiler")
  finish
endif
let current_compiler = "d2v"

CompilerSet makeprg=d2v\ check\ --quiet\ %:S
CompilerSet errorformat=%E%f:%l:%c:\ error:\ %m,%W%f:%l:%c:\ warning:\ %m,%I%f:%l:%c:\ note:\ %m,%Ed2v:\ error:\ %m,%-G\ %#%\\d%#\ \|%.%#,%-Ghelp:%.%#
