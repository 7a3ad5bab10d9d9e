" Syntax of .d2v files. The words are those of dsl/lex.l and dsl/builtin.c; tests/e2e/editors.sh compares.
if exists("b:current_syntax")
  finish
endif

syntax keyword d2vKeyword spec include override dim like let module param use fn return scan from
syntax keyword d2vKeyword names of model average objective draw minimise watch feature optimise by
syntax keyword d2vKeyword group after update data run expect
syntax keyword d2vOperator where sum mean over along as at in then and or not
syntax keyword d2vWord none f32 bf16 yes no copy eval epoch drop bicubic bilinear
syntax keyword d2vUnit epochs steps samples hours MiB GiB
syntax keyword d2vType mask

" A function of the language where it is called; a name of its own may be spelt the same.
syntax match d2vFunction "\<\%(sqrt\|rsqrt\|exp\|log\|abs\|erf\|tanh\|min\|max\|gelu\|smooth_l1\|softmax\|standardise\|std\|choose\|concat\|pick\|grid_offsets\|dropout\|drop_path\|normal\|trunc_normal\|constant\|warmup\|linear\|cosine\|block_mask\|images\|color_jitter\|flip\|resized_crop\|mean_std\|shuffle\|every\|when\|adamw\|global_norm\|bf16\|mixed\)\>\ze\s*("
syntax match d2vAxis "\<[A-Z][A-Za-z0-9_]*\>"
" `..` is no part of a number: 0.3 .. 3.3
syntax match d2vNumber "\<\d\+\%(\.\d\+\)\?\%([eE][-+]\?\d\+\)\?"
syntax region d2vString start=+"+ end=+"+ oneline
syntax match d2vTodo "\<\%(TODO\|FIXME\)\>" contained
syntax match d2vComment "//.*$" contains=d2vTodo,@Spell

highlight default link d2vKeyword Statement
highlight default link d2vOperator Operator
highlight default link d2vWord Constant
highlight default link d2vUnit Type
highlight default link d2vType Type
highlight default link d2vFunction Function
highlight default link d2vAxis Identifier
highlight default link d2vNumber Number
highlight default link d2vString String
highlight default link d2vTodo Todo
highlight default link d2vComment Comment

let b:current_syntax = "d2v"
