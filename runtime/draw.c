/* draw: random objects made on the host, one per sample. So far: block masks (data2vec-vision.md
 * 3).
 *
 * A draw reads nothing but its stream, so that it depends on (seed, site, sample, epoch) alone. */
#include "runtime/runtime.h"

#include <math.h>
#include <string.h>

enum { ATTEMPTS = 10 };

/* Blocks of random size and shape are laid down until at_most cells are masked or no block fits
 * any more: the count never exceeds at_most and may fall a little short. A block is strictly
 * smaller than the grid in both directions. The area's bounds may come out reversed (cap <
 * area_lo): the draw is then between cap and area_lo. */
static int64_t
block_try(const DrawSpec *d, Stream *s, int64_t cap, uint8_t *mask)
{
	double  area = stream_between(s, (double)d->area_lo, (double)cap);
	double  aspect = exp(stream_between(s, log(d->aspect_lo), log(d->aspect_hi)));
	int64_t h = (int64_t)nearbyint(sqrt(area * aspect)); /* half to even */
	int64_t w = (int64_t)nearbyint(sqrt(area / aspect));
	if (w < 1 || h < 1 || w >= d->gx || h >= d->gy)
		return 0;
	int64_t top = stream_int(s, 0, d->gy - h), left = stream_int(s, 0, d->gx - w), fresh = 0;
	for (int64_t y = top; y < top + h; y++)
		for (int64_t x = left; x < left + w; x++)
			fresh += !mask[y * d->gx + x];
	if (fresh > cap)
		return 0;
	for (int64_t y = top; y < top + h; y++)
		memset(mask + y * d->gx + left, 1, (size_t)w);
	return fresh;
}

void
draw_block_mask(const DrawSpec *d, Stream *s, uint8_t *mask)
{
	int64_t count = 0;
	memset(mask, 0, (size_t)(d->gy * d->gx));
	while (count < d->at_most) {
		int64_t left = d->at_most - count, cap = left < d->area_hi ? left : d->area_hi,
			fresh = 0;
		for (int i = 0; i < ATTEMPTS && fresh == 0; i++)
			fresh = block_try(d, s, cap, mask);
		if (fresh == 0)
			return;
		count += fresh;
	}
}
