import test from 'ava';
import { declaredType, kindOf } from '../../../../daemon/api/gateway/kinds.ts';

const PNG = Buffer.concat([
  Buffer.from('89504e470d0a1a0a0000000d49484452000000010000000108020000009077 53de'.replace(' ', ''), 'hex'),
  Buffer.alloc(64),
]);
const EXE = Buffer.concat([Buffer.from('MZ'), Buffer.alloc(100)]);

test('kindOf: what is declared and found is shown, what differs is not', async (t) => {
  t.like(await kindOf('image/png', PNG), { as: 'media', type: 'image/png' });
  t.like(await kindOf(undefined, PNG), { as: 'media', type: 'image/png' });
  t.is((await kindOf('image/jpeg', PNG)).as, 'download');
  t.is((await kindOf('text/html', PNG)).as, 'download');
  t.is((await kindOf('image/png', EXE)).as, 'download');
  t.is((await kindOf('image/png', Buffer.from('<html><script>1</script>'))).as, 'download');
  t.is((await kindOf('application/pdf', Buffer.from('%PDF-1.4'))).as, 'download');
  t.is((await kindOf('text/html', Buffer.from('<p>x'))).as, 'html');
  t.is((await kindOf('application/xhtml+xml', Buffer.from('<?xml version="1.0"?><html/>'))).as, 'html');
  t.is((await kindOf('text/css', Buffer.from('a{}'))).as, 'css');
  t.is((await kindOf('image/svg+xml', Buffer.from('<svg/>'))).as, 'svg');
  t.is((await kindOf(undefined, Buffer.from('<html><script>1</script>'))).as, 'text', 'nobody said it is a page');
  for (const type of ['text/plain', 'application/json', 'text/markdown', 'application/rss+xml', 'text/javascript'])
    t.is((await kindOf(type, Buffer.from('{}'))).as, 'text', type);
  t.is((await kindOf('text/plain', Buffer.from([0x61, 0, 0x62]))).as, 'download');
  t.is((await kindOf('application/octet-stream', Buffer.from('text'))).as, 'download');
  t.is((await kindOf('text/plain', Buffer.alloc(0))).as, 'text');
});

test('declaredType: the type without parameters, else the ending of the name', (t) => {
  t.is(declaredType('Text/HTML; charset=x', 'a.png'), 'text/html');
  t.is(declaredType(undefined, 'a.HTML'), 'text/html');
  t.is(declaredType('application/octet-stream', 'a.png'), 'image/png');
  t.is(declaredType(undefined, 'a.exe'), undefined);
  t.is(declaredType('application/octet-stream', 'a.exe'), 'application/octet-stream');
  t.is(declaredType(undefined, undefined), undefined);
});
