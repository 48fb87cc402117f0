"use strict";
// Plays one of several sounds that run in step, so that changing between them keeps the position.
class Player {
  static FADE = 0.005; // seconds, a raised cosine, as ITU-R BS.1534-3 asks for in section 5.3
  // Seconds from a command to what is heard of it: the clock runs on while commands are given, and
  // what is planned for a time that has passed would begin at another one.
  static LEAD = 0.02;

  constructor(onchange) {
    this.onchange = onchange;
    this.context = null;
    this.buffers = new Map();
    this.voices = new Map();
    this.heard = null; // the way of the current voice to the ear
    this.current = null;
    this.playing = false;
    this.repeat = false;
    this.offset = 0; // where playback begins or stopped, in seconds
    this.began = 0; // when it began, by the clock of the context
    this.loads = 0;
    const n = 32;
    this.rise = Float32Array.from({ length: n }, (_, k) => 0.5 - 0.5 * Math.cos((Math.PI * k) / (n - 1)));
    this.fall = Float32Array.from(this.rise).reverse();
  }

  async load(names) {
    this.stop();
    this.context ??= new AudioContext();
    const load = (this.loads += 1);
    this.buffers = new Map();
    this.current = null;
    this.offset = 0;
    const entries = await Promise.all(names.map(async (name) => [name, await this.decode(name)]));
    if (load === this.loads) this.buffers = new Map(entries);
    return load === this.loads;
  }

  async decode(name) {
    const uri = document.getElementById(`sound-${name}`).textContent;
    const binary = atob(uri.slice(uri.indexOf(",") + 1));
    const bytes = new Uint8Array(binary.length);
    for (let k = 0; k < binary.length; k += 1) bytes[k] = binary.charCodeAt(k);
    const buffer = await this.context.decodeAudioData(bytes.buffer);
    // So that nothing clicks where the sound begins again.
    const n = Math.min(Math.round(Player.FADE * buffer.sampleRate), buffer.length >> 1);
    for (let channel = 0; channel < buffer.numberOfChannels; channel += 1) {
      const samples = buffer.getChannelData(channel);
      for (let k = 0; k < n; k += 1) {
        const gain = 0.5 - 0.5 * Math.cos((Math.PI * k) / n);
        samples[k] *= gain;
        samples[samples.length - 1 - k] *= gain;
      }
    }
    return buffer;
  }

  get duration() {
    return Math.min(...[...this.buffers.values()].map((buffer) => buffer.duration));
  }

  get position() {
    if (!this.buffers.size) return 0;
    const elapsed = this.playing ? Math.max(this.context.currentTime - this.began, 0) : 0;
    const position = this.offset + elapsed;
    return this.repeat ? position % this.duration : Math.min(position, this.duration);
  }

  play(name) {
    if (!this.buffers.has(name)) return;
    this.context.resume();
    const before = this.current;
    this.current = name;
    if (this.playing && before !== name) {
      const at = this.soon();
      this.fadeOut(at);
      this.fadeIn(at + Player.FADE);
    } else if (!this.playing) {
      this.start();
    }
    this.onchange();
  }

  soon() {
    return this.context.currentTime + Player.LEAD;
  }

  start() {
    if (this.offset >= this.duration - 0.01) this.offset = 0;
    this.began = this.soon();
    this.playing = true;
    // Voices that nobody hears go on, in step with the one that is heard.
    const silence = new GainNode(this.context, { gain: 0 });
    silence.connect(this.context.destination);
    for (const [name, buffer] of this.buffers) {
      const voice = new AudioBufferSourceNode(this.context, { buffer, loop: this.repeat });
      voice.connect(silence);
      voice.start(this.began, this.offset);
      this.voices.set(name, voice);
    }
    // All are equally long: the end of any of them is the end of all.
    this.voices.get(this.current).onended = () => this.stop(0);
    this.fadeIn(this.began);
  }

  // Every fade has a node of its own: however fast they follow each other, none meets another.
  fadeIn(at) {
    const voice = this.voices.get(this.current);
    const rise = new GainNode(this.context, { gain: 0 });
    const fall = new GainNode(this.context);
    rise.gain.setValueCurveAtTime(this.rise, at, Player.FADE);
    voice.connect(rise).connect(fall).connect(this.context.destination);
    this.heard = { voice, rise, fall };
  }

  fadeOut(at) {
    const { voice, rise, fall } = this.heard;
    fall.gain.setValueCurveAtTime(this.fall, at, Player.FADE);
    setTimeout(() => voice.disconnect(rise), 1000);
  }

  // Playback goes on from the given position, by default from where it is.
  stop(position = this.position) {
    if (this.playing) {
      this.playing = false;
      const at = this.soon();
      this.fadeOut(at);
      for (const voice of this.voices.values()) {
        voice.onended = null;
        voice.stop(at + Player.FADE);
      }
      this.voices = new Map();
    }
    this.offset = position;
    this.onchange();
  }

  seek(position) {
    const { playing } = this;
    this.stop(position);
    if (playing) {
      this.start();
      this.onchange();
    }
  }

  setRepeat(repeat) {
    const position = this.position;
    this.repeat = repeat;
    if (this.playing) this.seek(position);
  }
}
