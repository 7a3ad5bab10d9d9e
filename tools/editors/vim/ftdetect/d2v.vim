" .d2v files are specs of d2v.
autocmd BufRead,BufNewFile *.d2v setfiletype d2v
