export default function Page() {
  return 'The files are in public/.'
}
