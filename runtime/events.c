/* TensorBoard event records: protobuf messages (event.proto) in TFRecord frames, each
 *     length u64 | masked crc of the length u32 | message | masked crc of the message u32
 * with crc the CRC-32C of iSCSI. Only builds bytes; log.c owns the file. Only scalars: no images,
 * graphs, histograms. */
#include "runtime/files_private.h"

#include "runtime/event.pb-c.h"

#include <isa-l/crc.h>
#include <string.h>

static const uint32_t CRC_MASK = 0xa282ead8u;

uint32_t
crc32c(const void *data, size_t n)
{
	uint32_t crc = 0xffffffffu;
	/* The library counts in int and takes a pointer to non-const it does not write through. */
	unsigned char *at = (unsigned char *)(uintptr_t)data;
	while (n) {
		int part = n > 1 << 30 ? 1 << 30 : (int)n;
		crc = crc32_iscsi(at, part, crc);
		at += part;
		n -= (size_t)part;
	}
	return ~crc;
}

static void
append_le(Text *out, uint64_t x, int bytes)
{
	char b[8];
	for (int i = 0; i < bytes; i++)
		b[i] = (char)(x >> 8 * i);
	text_append(out, b, (size_t)bytes);
}

static void
append_crc(Text *out, const void *data, size_t n)
{
	uint32_t crc = crc32c(data, n);
	append_le(out, (uint32_t)((crc >> 15 | crc << 17) + CRC_MASK), 4);
}

static void
append_record(Text *out, const D2v__Event *e)
{
	size_t   n = d2v__event__get_packed_size(e);
	Arena   *a = arena_new();
	uint8_t *message = arena_alloc(a, n + 1);
	d2v__event__pack(e, message);
	size_t at = out->n;
	append_le(out, n, 8);
	append_crc(out, out->at + at, 8);
	text_append(out, (const char *)message, n);
	append_crc(out, message, n);
	arena_free(a);
}

void
events_header(Text *out, double wall_time)
{
	D2v__Event  e = D2V__EVENT__INIT;
	static char version[] = "brain.Event:2";
	e.wall_time = wall_time;
	e.what_case = D2V__EVENT__WHAT_FILE_VERSION;
	e.file_version = version;
	append_record(out, &e);
}

void
events_scalars(Text *out, double wall_time, int64_t step, const char *const *names,
               const double *values, int n)
{
	Arena                *a = arena_new();
	D2v__Summary__Value  *value = arena_new_array(a, D2v__Summary__Value, n + 1);
	D2v__Summary__Value **list = arena_new_array(a, D2v__Summary__Value *, n + 1);
	for (int i = 0; i < n; i++) {
		d2v__summary__value__init(&value[i]);
		value[i].tag = arena_strdup(a, names[i]);
		value[i].value_case = D2V__SUMMARY__VALUE__VALUE_SIMPLE_VALUE;
		value[i].simple_value = (float)values[i];
		list[i] = &value[i];
	}
	D2v__Summary summary = D2V__SUMMARY__INIT;
	summary.n_value = (size_t)n;
	summary.value = list;
	D2v__Event e = D2V__EVENT__INIT;
	e.wall_time = wall_time;
	e.step = step;
	e.what_case = D2V__EVENT__WHAT_SUMMARY;
	e.summary = &summary;
	append_record(out, &e);
	arena_free(a);
}
